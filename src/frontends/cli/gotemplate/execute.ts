/** Runs a template's tree over its data, by the rules of Go's text/template, with its error texts. */

import { CallError, callValue, type Functions, type Parameter } from './functions.ts';
import { templateError, type Call, type Node, type Operand, type Pipeline, type Placed, type Tree } from './tree.ts';
import { goQuote, sprint } from './printf.ts';
import { fieldOf, isTrue, kindOf, sortedKeys, typeName, type Value } from './values.ts';

/** Bounds that no template of a person meets; they keep one that calls itself, or ranges over a large number, from running on. */
const maxDepth = 400;
const maxSteps = 5_000_000;
const maxOutput = 16 * 1024 * 1024;

export interface ExecuteOptions {
  readonly name: string;
  readonly functions: Functions;
  /** What a map's missing key does: nothing, or an error (Go's option `missingkey=error`). */
  readonly missingKey?: 'error' | undefined;
}

/** The template's text over `data`. Throws ImageError `invalid-argument` with docker's text. */
export function execute(tree: Tree, data: Value, options: ExecuteOptions): string {
  const execution = new Execution(tree, options);
  execution.root(data);
  return execution.output.join('');
}

interface Variable {
  readonly name: string;
  value: Value;
}

const nothing = Symbol('nothing');
/** What comes through the pipe: a value, or `nothing`. */
type Piped = Value;

class Execution {
  readonly output: string[] = [];
  readonly #tree: Tree;
  readonly #options: ExecuteOptions;
  #template: string;
  #variables: Variable[] = [];
  #depth = 0;
  #steps = 0;
  #length = 0;
  /** What was looked at last: messages show it, as Go's do. */
  #node: Placed = { at: 0, source: '' };

  constructor(tree: Tree, options: ExecuteOptions) {
    this.#tree = tree;
    this.#options = options;
    this.#template = options.name;
  }

  root(data: Value): void {
    this.#variables = [{ name: '$', value: data }];
    this.#walk(this.#tree.body, data);
  }

  #fail(message: string): never {
    const node = this.#node;
    const before = this.#tree.text.slice(0, node.at);
    const lineStart = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length;
    const column = Buffer.byteLength(before.slice(lineStart));
    throw templateError(
      `template: ${this.#options.name}:${line}:${column}: executing ${goQuote(this.#template)} at <${node.source}>: ${message}`,
    );
  }

  #write(text: string): void {
    this.#length += text.length;
    if (this.#length > maxOutput) this.#fail('the output is too large');
    this.output.push(text);
  }

  /** Looks at a node, for messages, and counts the step. */
  #at(node: Placed): void {
    this.#node = node;
    if (++this.#steps > maxSteps) this.#fail('too many steps');
  }

  /** Runs a list of nodes; says whether a `break` or `continue` ended it. */
  #walk(nodes: readonly Node[], dot: Value): 'break' | 'continue' | undefined {
    for (const node of nodes) {
      this.#at(node);
      switch (node.type) {
        case 'text':
          this.#write(node.text);
          break;
        case 'action': {
          const value = this.#pipeline(node.pipeline, dot);
          if (node.pipeline.variables.length === 0) this.#print(node, value);
          break;
        }
        case 'if':
        case 'with': {
          const mark = this.#variables.length;
          const value = this.#pipeline(node.pipeline, dot);
          const body = isTrue(value) ? node.body : node.otherwise;
          const ended = body === undefined ? undefined : this.#walk(body, node.type === 'with' && body === node.body ? value : dot);
          this.#variables.length = mark;
          if (ended !== undefined) return ended;
          break;
        }
        case 'range': {
          const ended = this.#range(node, dot);
          if (ended !== undefined) return ended;
          break;
        }
        case 'template':
          this.#include(node, dot);
          break;
        case 'break':
        case 'continue':
          return node.type;
      }
    }
    return undefined;
  }

  #print(node: Node & { type: 'action' }, value: Value): void {
    if (typeof value === 'string') return this.#write(value);
    if (value === undefined || value === null) return this.#write('<no value>');
    if (typeof value === 'function') this.#fail(`can't print ${node.source} of type func`);
    this.#write(sprint([value]));
  }

  #range(node: Node & { type: 'if' | 'with' | 'range' }, dot: Value): 'break' | 'continue' | undefined {
    const mark = this.#variables.length;
    const value = this.#pipeline(node.pipeline, dot);
    const inner = this.#variables.length;
    const { variables, assigns } = node.pipeline;
    let empty = true;
    const once = (key: Value, element: Value): boolean => {
      empty = false;
      this.#at(node);
      const [first, second] = variables;
      // With one variable it is the element, with two the first is the key.
      if (first !== undefined && second === undefined) this.#setVariable(first, element, assigns, inner - 1);
      if (first !== undefined && second !== undefined) {
        this.#setVariable(first, key, assigns, inner - 2);
        this.#setVariable(second, element, assigns, inner - 1);
      }
      const ended = this.#walk(node.body, element);
      this.#variables.length = inner;
      return ended === 'break';
    };
    switch (kindOf(value)) {
      case 'missing':
      case 'nil':
        break;
      case 'slice':
        for (const [index, element] of (value as unknown[]).entries()) if (once(index, element)) break;
        break;
      case 'map':
        for (const key of sortedKeys(value as object)) if (once(key, fieldOf(value as object, key))) break;
        break;
      case 'int':
        if (variables.length > 1) this.#fail(`can't use ${String(value)} to iterate over more than one variable`);
        for (let index = 0; index < Number(value); index++) if (once(index, index)) break;
        break;
      default:
        this.#fail(`range can't iterate over ${sprint([value])}`);
    }
    const ended = empty && node.otherwise !== undefined ? this.#walk(node.otherwise, dot) : undefined;
    this.#variables.length = mark;
    return ended;
  }

  /** In a range the declared variables are at the top of the stack; with `=` they are an outer one's. */
  #setVariable(name: string, value: Value, assigns: boolean, place: number): void {
    const variable = assigns ? this.#variables.findLast((known) => known.name === name) : this.#variables[place];
    if (variable !== undefined) variable.value = value;
  }

  #include(node: Node & { type: 'template' }, dot: Value): void {
    const body = this.#tree.defined.get(node.name);
    if (body === undefined) this.#fail(`template ${goQuote(node.name)} not defined`);
    if (++this.#depth > maxDepth) this.#fail(`exceeded maximum template depth (${maxDepth})`);
    const value = node.pipeline === undefined ? undefined : this.#pipeline(node.pipeline, dot);
    const [outer, name] = [this.#variables, this.#template];
    this.#variables = [{ name: '$', value }];
    this.#template = node.name;
    this.#walk(body, value);
    this.#variables = outer;
    this.#template = name;
    this.#depth--;
  }

  #pipeline(pipeline: Pipeline, dot: Value): Value {
    this.#at(pipeline);
    let value: Piped = nothing;
    for (const call of pipeline.calls) value = this.#call(call, dot, value);
    const result = value === nothing ? undefined : value;
    for (const name of pipeline.variables) {
      if (!pipeline.assigns) this.#variables.push({ name, value: result });
      else {
        const variable = this.#variables.findLast((known) => known.name === name);
        if (variable === undefined) this.#fail(`undefined variable: ${name}`);
        variable.value = result;
      }
    }
    return result;
  }

  #call(call: Call, dot: Value, piped: Piped): Value {
    const [head, ...rest] = call.operands;
    const given = rest.length > 0 || piped !== nothing;
    switch (head.type) {
      case 'field':
        this.#at(head);
        return this.#fields(dot, head.names, head, dot, rest, piped);
      case 'variable': {
        this.#at(head);
        const value = this.#variable(head.name);
        if (head.names.length > 0) return this.#fields(value, head.names, head, dot, rest, piped);
        if (given) this.#notFunction(head);
        return value;
      }
      case 'chain': {
        this.#at(head);
        if (head.head.type === 'nil') this.#fail(`indirection through explicit nil in ${head.source}`);
        return this.#fields(this.#argument(head.head, dot), head.names, head, dot, rest, piped);
      }
      case 'function':
        this.#at(head);
        return this.#invoke(head.name, call, rest, dot, piped);
      case 'pipeline':
        if (given) this.#notFunction(head);
        return this.#pipeline(head.pipeline, dot);
      default:
        this.#at(head);
        if (given) this.#notFunction(head);
        if ('value' in head) return this.#constant(head);
        if (head.type === 'nil') this.#fail('nil is not a command');
        return dot;
    }
  }

  #notFunction(head: Operand): never {
    this.#fail(`can't give argument to non-function ${head.source}`);
  }

  #constant(operand: Operand & { value: unknown }): Value {
    const { value } = operand;
    if (typeof value === 'bigint' && value >= 1n << 63n) this.#fail(`${operand.source} overflows int`);
    return value;
  }

  #variable(name: string): Value {
    const variable = this.#variables.findLast((known) => known.name === name);
    if (variable === undefined) this.#fail(`undefined variable: ${name}`);
    return variable.value;
  }

  /** `.a.b.c` of a receiver; the arguments go to the last of them. */
  #fields(receiver: Value, names: readonly string[], node: Placed, dot: Value, rest: readonly Operand[], piped: Piped): Value {
    let value = receiver;
    // What Go would declare the receiver as: an element of a map is an interface, whatever is in it.
    let type = typeName(receiver);
    for (const [index, name] of names.entries()) {
      const last = index === names.length - 1;
      const parent = kindOf(value);
      value = this.#field(value, type, name, node, dot, last ? rest : [], last ? piped : nothing);
      type = parent === 'map' ? 'interface {}' : typeName(value);
    }
    return value;
  }

  #field(receiver: Value, type: string, name: string, node: Placed, dot: Value, rest: readonly Operand[], piped: Piped): Value {
    const given = rest.length > 0 || piped !== nothing;
    const kind = kindOf(receiver);
    if (kind === 'missing') {
      if (this.#options.missingKey === 'error') this.#fail(`nil data; no entry for key ${goQuote(name)}`);
      return undefined;
    }
    if (kind === 'nil') this.#fail(`nil pointer evaluating ${type === '<nil>' ? 'interface {}' : type}.${name}`);
    if (kind !== 'map' && kind !== 'struct') this.#fail(`can't evaluate field ${name} in type ${type}`);
    const object = receiver as object;
    const value = fieldOf(object, name);
    if (typeof value === 'function') {
      const values = [...rest.map((operand) => this.#argument(operand, dot)), ...(piped === nothing ? [] : [piped])];
      return this.#guard(node, name, () => callValue(value, values));
    }
    if (kind === 'struct') {
      if (!Object.hasOwn(object, name)) this.#fail(`can't evaluate field ${name} in type ${type}`);
      if (given) this.#fail(`${name} has arguments but cannot be invoked as function`);
      return value;
    }
    if (given) this.#fail(`${name} is not a method but has arguments`);
    if (value === undefined && this.#options.missingKey === 'error') this.#fail(`map has no entry for key ${goQuote(name)}`);
    return value;
  }

  #guard(node: Placed, name: string, call: () => Value): Value {
    try {
      const value = call();
      if (typeof value === 'string' && value.length > maxOutput) this.#fail('the output is too large');
      return value;
    } catch (error) {
      this.#node = node;
      if (error instanceof CallError) this.#fail(`error calling ${name}: ${error.message}`);
      // A string longer than the engine can hold.
      if (error instanceof RangeError) this.#fail('the output is too large');
      throw error;
    }
  }

  /** Calls a function of the language; `node` is what a complaint of the function shows. */
  #invoke(name: string, node: Placed, rest: readonly Operand[], dot: Value, piped: Piped): Value {
    const callable = this.#options.functions.get(name);
    if (callable === undefined) this.#fail(`${goQuote(name)} is not a defined function`);
    const { parameters, variadic = false } = callable;
    const count = rest.length + (piped === nothing ? 0 : 1);
    // `and`, `or` and `call` need one argument, though any number may follow.
    const needed = name === 'and' || name === 'or' || name === 'call' ? 1 : parameters.length - (variadic ? 1 : 0);
    if (count < needed || (!variadic && count > needed))
      this.#fail(`wrong number of args for ${name}: want ${variadic ? 'at least ' : ''}${needed} got ${count}`);
    if (name === 'and' || name === 'or') {
      let value: Value;
      for (const operand of rest) {
        value = this.#argument(operand, dot);
        if (isTrue(value) === (name === 'or')) return value;
      }
      return piped === nothing ? value : piped;
    }
    const parameter = (index: number) => parameters[Math.min(index, parameters.length - 1)] ?? 'any';
    const values = rest.map((operand, index) => {
      const value = this.#argument(operand, dot);
      if (!fits(value, parameter(index))) this.#mismatch(operand, value, parameter(index));
      return value;
    });
    if (piped !== nothing) {
      if (!fits(piped, parameter(values.length))) this.#fail(wrongType(piped, parameter(values.length)));
      values.push(piped);
    }
    const [callee] = values;
    if (name === 'call' && callee !== null && callee !== undefined && typeof callee !== 'function') {
      this.#node = node;
      this.#fail(`error calling call: non-function ${rest[0]?.source ?? ''} of type ${typeName(callee)}`);
    }
    return this.#guard(node, name, () => callable.call(values));
  }

  #mismatch(operand: Operand, value: Value, parameter: Parameter): never {
    if (operand.type === 'nil') this.#fail(`cannot assign nil to ${parameter}`);
    if ('value' in operand) this.#fail(`expected ${parameter === 'int' ? 'integer' : parameter}; found ${operand.source}`);
    return this.#fail(wrongType(value, parameter));
  }

  /** An operand where it is an argument. */
  #argument(operand: Operand, dot: Value): Value {
    this.#at(operand);
    if (operand.type === 'nil') return null;
    if (operand.type === 'function') return this.#invoke(operand.name, operand, [], dot, nothing);
    return this.#call({ at: operand.at, source: operand.source, operands: [operand] }, dot, nothing);
  }
}

function fits(value: Value, parameter: Parameter): boolean {
  switch (parameter) {
    case 'any':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'int':
      return kindOf(value) === 'int';
    case '[]string':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
  }
}

function wrongType(value: Value, parameter: string): string {
  if (value === undefined) return `invalid value; expected ${parameter}`;
  return `wrong type for value; expected ${parameter}; got ${value === null ? 'interface {}' : typeName(value)}`;
}
