/** Runs a template's tree over its data, by the rules of Go's text/template, with its error texts. */

import { CallError, callValue, type Callable, type Functions } from './functions.ts';
import { templateError, type Call, type Node, type Operand, type Pipeline, type Tree } from './parse.ts';
import { goQuote, sprint } from './printf.ts';
import { fieldOf, Float, isTrue, kindOf, sortedKeys, typeName, type Value } from './values.ts';

/** Bounds that no template of a person meets; they keep one that calls itself, or ranges over a large number, from running on. */
const maxDepth = 400;
const maxSteps = 5_000_000;
const maxOutput = 64 * 1024 * 1024;

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

/** No value comes through the pipe. */
const nothing = Symbol('nothing');
type Piped = Value | typeof nothing;

class Execution {
  readonly output: string[] = [];
  readonly #tree: Tree;
  readonly #options: ExecuteOptions;
  #template: string;
  #variables: Variable[] = [];
  #depth = 0;
  #steps = 0;
  #length = 0;

  constructor(tree: Tree, options: ExecuteOptions) {
    this.#tree = tree;
    this.#options = options;
    this.#template = options.name;
  }

  root(data: Value): void {
    this.#variables = [{ name: '$', value: data }];
    this.#walk(this.#tree.body, data);
  }

  #fail(node: { readonly at: number; readonly source: string }, message: string): never {
    const before = this.#tree.text.slice(0, node.at);
    const lineStart = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length;
    const column = Buffer.byteLength(before.slice(lineStart));
    throw templateError(`template: ${this.#options.name}:${line}:${column}: executing ${goQuote(this.#template)} at <${node.source}>: ${message}`);
  }

  #write(node: Node, text: string): void {
    this.#length += text.length;
    if (this.#length > maxOutput) this.#fail(node, 'the output is too large');
    this.output.push(text);
  }

  #step(node: { readonly at: number; readonly source: string }): void {
    if (++this.#steps > maxSteps) this.#fail(node, 'too many steps');
  }

  /** Runs a list of nodes; says whether a `break` or `continue` ended it. */
  #walk(nodes: readonly Node[], dot: Value): 'break' | 'continue' | undefined {
    for (const node of nodes) {
      this.#step(node);
      switch (node.type) {
        case 'text':
          this.#write(node, node.text);
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
    if (typeof value === 'string') return this.#write(node, value);
    if (value === undefined || value === null) return this.#write(node, '<no value>');
    if (typeof value === 'function') this.#fail(node, `can't print ${node.source} of type func`);
    this.#write(node, sprint([value]));
  }

  #range(node: Node & { type: 'if' | 'with' | 'range' }, dot: Value): 'break' | 'continue' | undefined {
    const mark = this.#variables.length;
    const value = this.#pipeline(node.pipeline, dot);
    const inner = this.#variables.length;
    const { variables, assigns } = node.pipeline;
    let empty = true;
    const once = (key: Value, element: Value): boolean => {
      empty = false;
      this.#step(node);
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
        if (variables.length > 1) this.#fail(node.pipeline, `can't use ${String(value)} to iterate over more than one variable`);
        for (let index = 0; index < Number(value); index++) if (once(index, index)) break;
        break;
      default:
        this.#fail(node.pipeline, `range can't iterate over ${sprint([value])}`);
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
    if (body === undefined) this.#fail(node, `template ${goQuote(node.name)} not defined`);
    if (++this.#depth > maxDepth) this.#fail(node, `exceeded maximum template depth (${maxDepth})`);
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
    let value: Piped = nothing;
    for (const call of pipeline.calls) value = this.#call(call, dot, value);
    const result = value === nothing ? undefined : value;
    for (const name of pipeline.variables) {
      if (!pipeline.assigns) this.#variables.push({ name, value: result });
      else {
        const variable = this.#variables.findLast((known) => known.name === name);
        if (variable === undefined) this.#fail(pipeline.calls.at(-1)?.operands[0] ?? pipeline, `undefined variable: ${name}`);
        variable.value = result;
      }
    }
    return result;
  }

  #call(call: Call, dot: Value, piped: Piped): Value {
    this.#step(call);
    const [head, ...rest] = call.operands;
    const given = rest.length > 0 || piped !== nothing;
    switch (head.type) {
      case 'field':
        return this.#fields(dot, typeName(dot), head.names, head, dot, rest, piped);
      case 'variable': {
        const value = this.#variable(head.name, head);
        if (head.names.length > 0) return this.#fields(value, typeName(value), head.names, head, dot, rest, piped);
        if (given) this.#notFunction(head);
        return value;
      }
      case 'chain': {
        if (head.head.type === 'nil') this.#fail(head, `indirection through explicit nil in ${head.source}`);
        const value = this.#argument(head.head, dot);
        return this.#fields(value, typeName(value), head.names, head, dot, rest, piped);
      }
      case 'function': {
        const callable = this.#options.functions.get(head.name);
        if (callable === undefined) this.#fail(head, `${goQuote(head.name)} is not a defined function`);
        return this.#invoke(head.name, callable, head, call, rest, dot, piped);
      }
      case 'pipeline':
        if (given) this.#notFunction(head);
        return this.#pipeline(head.pipeline, dot);
      case 'nil':
        if (given) this.#notFunction(head);
        return this.#fail(head, 'nil is not a command');
      case 'dot':
        if (given) this.#notFunction(head);
        return dot;
      default:
        if (given) this.#notFunction(head);
        return this.#constant(head);
    }
  }

  #notFunction(head: Operand): never {
    this.#fail(head, `can't give argument to non-function ${head.type === 'pipeline' ? `(${head.source})` : head.source}`);
  }

  #constant(operand: Operand & { value: unknown }): Value {
    const { value } = operand;
    if (typeof value === 'bigint' && value >= 1n << 63n) this.#fail(operand, `${operand.source} overflows int`);
    return value;
  }

  #variable(name: string, node: Operand): Value {
    const variable = this.#variables.findLast((known) => known.name === name);
    if (variable === undefined) this.#fail(node, `undefined variable: ${name}`);
    return variable.value;
  }

  /** `.a.b.c` of a receiver; the arguments go to the last of them. `type` is the receiver's, as Go would declare it. */
  #fields(receiver: Value, type: string, names: readonly string[], node: Operand, dot: Value, rest: readonly Operand[], piped: Piped): Value {
    let value = receiver;
    let declared = type;
    for (const [index, name] of names.entries()) {
      const last = index === names.length - 1;
      const parent = kindOf(value);
      value = this.#field(value, declared, name, node, dot, last ? rest : [], last ? piped : nothing);
      declared = parent === 'map' ? 'interface {}' : typeName(value);
    }
    return value;
  }

  #field(receiver: Value, type: string, name: string, node: Operand, dot: Value, rest: readonly Operand[], piped: Piped): Value {
    const given = rest.length > 0 || piped !== nothing;
    switch (kindOf(receiver)) {
      case 'missing':
        if (this.#options.missingKey === 'error') this.#fail(node, `nil data; no entry for key ${goQuote(name)}`);
        return undefined;
      case 'nil':
        return this.#fail(node, `nil pointer evaluating ${type === '<nil>' ? 'interface {}' : type}.${name}`);
      case 'map':
      case 'struct': {
        const object = receiver as object;
        const value = fieldOf(object, name);
        if (typeof value === 'function') {
          const values = this.#values(rest, dot, piped);
          return this.#guard(node, name, () => callValue(value, values));
        }
        if (kindOf(receiver) === 'struct') {
          if (!Object.hasOwn(object, name)) break;
          if (given) this.#fail(node, `${name} has arguments but cannot be invoked as function`);
          return value;
        }
        if (given) this.#fail(node, `${name} is not a method but has arguments`);
        if (value === undefined && this.#options.missingKey === 'error') this.#fail(node, `map has no entry for key ${goQuote(name)}`);
        return value;
      }
    }
    return this.#fail(node, `can't evaluate field ${name} in type ${type}`);
  }

  #values(rest: readonly Operand[], dot: Value, piped: Piped): Value[] {
    return [...rest.map((operand) => this.#argument(operand, dot)), ...(piped === nothing ? [] : [piped])];
  }

  #guard(node: { readonly at: number; readonly source: string }, name: string, call: () => Value): Value {
    try {
      return call();
    } catch (error) {
      if (error instanceof CallError) this.#fail(node, `error calling ${name}: ${error.message}`);
      throw error;
    }
  }

  #invoke(name: string, callable: Callable, head: Operand, call: Call, rest: readonly Operand[], dot: Value, piped: Piped): Value {
    const { parameters, variadic } = callable;
    const count = rest.length + (piped === nothing ? 0 : 1);
    const least = variadic ? parameters.length - 1 : parameters.length;
    // `and` and `or` need one argument, though any number may follow.
    const needed = name === 'and' || name === 'or' || name === 'call' ? 1 : least;
    if (count < needed || (!variadic && count > parameters.length)) {
      this.#fail(head, `wrong number of args for ${name}: want ${variadic ? 'at least ' : ''}${needed} got ${count}`);
    }
    if (name === 'and' || name === 'or') {
      let value: Value;
      for (const operand of rest) {
        value = this.#argument(operand, dot);
        if (isTrue(value) === (name === 'or')) return value;
      }
      return piped === nothing ? value : piped;
    }
    const parameter = (index: number) => parameters[Math.min(index, parameters.length - 1)] ?? 'any';
    const values = rest.map((operand, index) => this.#typed(operand, this.#argument(operand, dot), parameter(index)));
    if (piped !== nothing) {
      if (!fits(piped, parameter(values.length))) this.#fail(head, wrongType(piped, parameter(values.length)));
      values.push(piped);
    }
    if (name === 'call' && values[0] !== null && values[0] !== undefined && typeof values[0] !== 'function') {
      this.#fail(call, `error calling call: non-function ${rest[0]?.source ?? ''} of type ${typeName(values[0])}`);
    }
    return this.#guard(call, name, () => callable.call(values));
  }

  #typed(operand: Operand, value: Value, parameter: Callable['parameters'][number]): Value {
    if (fits(value, parameter)) return value;
    if (operand.type === 'nil') this.#fail(operand, `cannot assign nil to ${parameter}`);
    if ('value' in operand || operand.type === 'function') this.#fail(operand, `expected ${parameter === 'int' ? 'integer' : parameter}; found ${operand.source}`);
    return this.#fail(operand, wrongType(value, parameter));
  }

  /** An operand where it is an argument. */
  #argument(operand: Operand, dot: Value): Value {
    switch (operand.type) {
      case 'nil':
        return null;
      case 'function': {
        const callable = this.#options.functions.get(operand.name);
        if (callable === undefined) this.#fail(operand, `${goQuote(operand.name)} is not a defined function`);
        return this.#invoke(operand.name, callable, operand, { at: operand.at, source: operand.source, operands: [operand] }, [], dot, nothing);
      }
      default:
        return this.#call({ at: operand.at, source: operand.source, operands: [operand] }, dot, nothing);
    }
  }
}

function fits(value: Value, parameter: Callable['parameters'][number]): boolean {
  switch (parameter) {
    case 'any':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'int':
      return kindOf(value) === 'int' && !(value instanceof Float);
    case '[]string':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
  }
}

function wrongType(value: Value, parameter: string): string {
  if (value === undefined) return `invalid value; expected ${parameter}`;
  return `wrong type for value; expected ${parameter}; got ${value === null ? 'interface {}' : typeName(value)}`;
}
