/** From a template's text to its tree, by the rules of Go's text/template/parse, with its error texts. */

import { ItemReader } from './item-reader.ts';
import type { Item, ItemType } from './lex.ts';
import { readNumber, unquote } from './literals.ts';
import { goQuote } from './printf.ts';
import type { Call, Node, Operand, Pipeline, Tree } from './tree.ts';
import type { Float } from './values.ts';

/** Deeper nesting than this is refused: no person writes it, and it would exhaust the stack. */
const maxDepth = 500;

/**
 * Parses a template. `functions` are the names that may be called, `name` is the template's, which messages show.
 * Throws ImageError `invalid-argument` with docker's text, `template parsing error: template: :1: …`.
 */
export function parse(name: string, text: string, functions: ReadonlySet<string>): Tree {
  return new Parser(name, text, functions).tree();
}

class Parser {
  readonly #text: string;
  readonly #functions: ReadonlySet<string>;
  readonly #items: ItemReader;
  readonly #defined = new Map<string, readonly Node[]>();
  #variables: string[] = ['$'];
  #ranges = 0;
  #depth = 0;

  constructor(name: string, text: string, functions: ReadonlySet<string>) {
    this.#text = text;
    this.#functions = functions;
    this.#items = new ItemReader(name, text);
  }

  tree(): Tree {
    const body: Node[] = [];
    while (this.#items.peek().type !== 'eof') {
      if (this.#items.peek().type === 'left') {
        const start = this.#items.place;
        this.#items.take();
        if (this.#items.takeSolid().type === 'define') {
          this.#definition();
          continue;
        }
        this.#items.place = start;
      }
      const found = this.#textOrAction();
      if (found === 'end' || found === 'else') this.#items.fail(`unexpected {{${found}}}`);
      if (typeof found === 'object') body.push(found);
    }
    return { text: this.#text, body, defined: this.#defined };
  }

  #definition(): void {
    const context = 'define clause';
    const name = this.#templateName(this.#items.takeSolid(), context);
    this.#items.expect('right', context);
    this.#defineFromHere(name, context);
  }

  /** A template's body begins with no variable of its surroundings. */
  #defineFromHere(name: string, context: string): void {
    const outer = this.#variables;
    const ranges = this.#ranges;
    this.#variables = ['$'];
    this.#ranges = 0;
    const { nodes, end } = this.#list();
    if (end !== 'end') this.#items.fail(`unexpected {{${end}}} in ${context}`);
    this.#variables = outer;
    this.#ranges = ranges;
    this.#define(name, nodes);
  }

  /** A later definition replaces one that says nothing; two that say something are an error, as in Go. */
  #define(name: string, nodes: readonly Node[]): void {
    const empty = (body: readonly Node[]) => body.every((node) => node.type === 'text' && node.text.trim() === '');
    const earlier = this.#defined.get(name);
    if (earlier !== undefined && !empty(earlier) && !empty(nodes))
      this.#items.fail(`template: multiple definition of template ${goQuote(name)}`);
    if (earlier === undefined || empty(earlier)) this.#defined.set(name, nodes);
  }

  #templateName(item: Item, context: string): string {
    if (item.type !== 'string' && item.type !== 'rawString') this.#items.unexpected(item, context);
    return this.#unquote(item);
  }

  #unquote(item: Item): string {
    const text = unquote(item.value);
    if (text === undefined) this.#items.fail('invalid syntax');
    return text;
  }

  #list(): { nodes: readonly Node[]; end: 'end' | 'else' } {
    if (++this.#depth > maxDepth) this.#items.fail(`nested deeper than ${maxDepth} actions`);
    const nodes: Node[] = [];
    while (this.#items.peekSolid().type !== 'eof') {
      const found = this.#textOrAction();
      if (found === 'end' || found === 'else') {
        this.#depth--;
        return { nodes, end: found };
      }
      nodes.push(found);
    }
    return this.#items.fail('unexpected EOF');
  }

  #textOrAction(): Node | 'end' | 'else' {
    const item = this.#items.takeSolid();
    if (item.type === 'text') return { type: 'text', at: item.at, source: goQuote(item.value), text: item.value };
    if (item.type !== 'left') return this.#items.unexpected(item, 'input');
    this.#items.actionLine = item.line;
    const found = this.#action();
    this.#items.actionLine = 0;
    return found;
  }

  #action(): Node | 'end' | 'else' {
    const item = this.#items.takeSolid();
    const { at } = item;
    switch (item.type) {
      case 'block':
        return this.#block();
      case 'break':
      case 'continue': {
        const end = this.#items.takeSolid();
        const source = `{{${item.type}}}`;
        if (end.type !== 'right') this.#items.unexpected(end, source);
        if (this.#ranges === 0) this.#items.fail(`${source} outside {{range}}`);
        return { type: item.type, at, source };
      }
      case 'else': {
        // `{{else if …}}` and `{{else with …}}` are read by the control that they belong to.
        const { type } = this.#items.peekSolid();
        if (type !== 'if' && type !== 'with') this.#items.expect('right', 'else');
        return 'else';
      }
      case 'end':
        this.#items.expect('right', 'end');
        return 'end';
      case 'if':
      case 'range':
      case 'with':
        return this.#control(item.type, at);
      case 'template': {
        const name = this.#templateName(this.#items.takeSolid(), 'template clause');
        let pipeline: Pipeline | undefined;
        if (this.#items.takeSolid().type !== 'right') {
          this.#items.place--;
          pipeline = this.#pipeline('template clause', 'right');
        }
        return this.#templateNode(at, name, pipeline);
      }
      default: {
        this.#items.place--;
        const pipeline = this.#pipeline('command', 'right');
        return { type: 'action', at, source: `{{${pipeline.source}}}`, pipeline };
      }
    }
  }

  #templateNode(at: number, name: string, pipeline: Pipeline | undefined): Node {
    // Go places the node at its name.
    const place = this.#text.slice(at).search(/["`]/);
    return {
      type: 'template',
      at: at + Math.max(0, place),
      source: `{{template ${goQuote(name)}${pipeline === undefined ? '' : ` ${pipeline.source}`}}}`,
      name,
      pipeline,
    };
  }

  #block(): Node {
    const context = 'block clause';
    const item = this.#items.takeSolid();
    const name = this.#templateName(item, context);
    const pipeline = this.#pipeline(context, 'right');
    this.#defineFromHere(name, context);
    return this.#templateNode(item.at, name, pipeline);
  }

  #control(type: 'if' | 'with' | 'range', at: number): Node {
    if (++this.#depth > maxDepth) this.#items.fail(`nested deeper than ${maxDepth} actions`);
    const variables = this.#variables.length;
    const pipeline = this.#pipeline(type, 'right');
    if (type === 'range') this.#ranges++;
    const { nodes: body, end } = this.#list();
    if (type === 'range') this.#ranges--;
    let otherwise: readonly Node[] | undefined;
    if (end === 'else') {
      const inner = this.#items.peek();
      if (inner.type === type && (inner.type === 'if' || inner.type === 'with')) {
        this.#items.place++;
        otherwise = [this.#control(inner.type, inner.at)];
      } else {
        const rest = this.#list();
        if (rest.end !== 'end') this.#items.fail(`expected end; found {{${rest.end}}}`);
        otherwise = rest.nodes;
      }
    }
    this.#variables.length = variables;
    this.#depth--;
    return { type, at, source: `{{${type} ${pipeline.source}}}`, pipeline, body, otherwise };
  }

  #pipeline(context: string, end: 'right' | 'rightParen'): Pipeline {
    if (++this.#depth > maxDepth) this.#items.fail(`nested deeper than ${maxDepth} actions`);
    const { at } = this.#items.peekSolid();
    const { variables, assigns } = this.#declarations(context);
    const calls: Call[] = [];
    for (;;) {
      const item = this.#items.takeSolid();
      if (item.type === end) break;
      if (!operandTypes.has(item.type)) this.#items.unexpected(item, context);
      this.#items.place--;
      calls.push(this.#call());
    }
    if (calls.length === 0) this.#items.fail(`missing value for ${context}`);
    for (const [index, call] of calls.entries()) {
      const { type } = call.operands[0];
      if (index > 0 && ['bool', 'dot', 'nil', 'number', 'string'].includes(type))
        this.#items.fail(`non executable command in pipeline stage ${index + 1}`);
    }
    this.#depth--;
    const declared = variables.length === 0 ? '' : `${variables.join(', ')} ${assigns ? '=' : ':='} `;
    return { at, source: declared + calls.map((call) => call.source).join(' | '), variables, assigns, calls };
  }

  #declarations(context: string): { variables: string[]; assigns: boolean } {
    const variables: string[] = [];
    for (;;) {
      const start = this.#items.place;
      const item = this.#items.peekSolid();
      if (item.type !== 'variable') return { variables, assigns: false };
      this.#items.place++;
      const following = this.#items.peekSolid();
      if (following.type === 'assign' || following.type === 'declare') {
        this.#items.place++;
        variables.push(item.value);
        this.#variables.push(item.value);
        return { variables, assigns: following.type === 'assign' };
      }
      if (following.type === 'char' && following.value === ',') {
        this.#items.place++;
        variables.push(item.value);
        this.#variables.push(item.value);
        if (context === 'range' && variables.length < 2) {
          if (['variable', 'right', 'rightParen'].includes(this.#items.peekSolid().type)) continue;
          this.#items.fail('range can only initialize variables');
        }
        this.#items.fail(`too many declarations in ${context}`);
      }
      this.#items.place = start;
      return { variables, assigns: false };
    }
  }

  #call(): Call {
    const { at } = this.#items.peekSolid();
    const operands: Operand[] = [];
    for (;;) {
      this.#items.peekSolid();
      const operand = this.#operand();
      if (operand !== undefined) operands.push(operand);
      const item = this.#items.take();
      if (item.type === 'space') continue;
      if (item.type === 'right' || item.type === 'rightParen') this.#items.place--;
      else if (item.type !== 'pipe') this.#items.unexpected(item, 'operand');
      break;
    }
    const [first, ...rest] = operands;
    if (first === undefined) this.#items.fail('empty command');
    const source = operands.map((operand) => (operand.type === 'pipeline' ? `(${operand.source})` : operand.source)).join(' ');
    return { at, source, operands: [first, ...rest] };
  }

  #operand(): Operand | undefined {
    const head = this.#term();
    if (head === undefined || this.#items.peek().type !== 'field') return head;
    const { at } = this.#items.peek();
    const names: string[] = [];
    while (this.#items.peek().type === 'field') names.push(this.#items.take().value.slice(1));
    const dotted = `.${names.join('.')}`;
    switch (head.type) {
      case 'field':
      case 'variable':
        return { ...head, at, source: head.source + dotted, names: [...head.names, ...names] };
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        return this.#items.fail(`unexpected . after term ${goQuote(head.source)}`);
      default:
        return { type: 'chain', at, source: (head.type === 'pipeline' ? `(${head.source})` : head.source) + dotted, head, names };
    }
  }

  #term(): Operand | undefined {
    const item = this.#items.takeSolid();
    const { at, value } = item;
    const placed = { at, source: value };
    switch (item.type) {
      case 'identifier':
        if (!this.#functions.has(value)) this.#items.fail(`function ${goQuote(value)} not defined`);
        return { type: 'function', ...placed, name: value };
      case 'dot':
      case 'nil':
        return { type: item.type, ...placed };
      case 'variable':
        if (!this.#variables.includes(value)) this.#items.fail(`undefined variable ${goQuote(value)}`);
        return { type: 'variable', ...placed, name: value, names: [] };
      case 'field':
        return { type: 'field', ...placed, names: [value.slice(1)] };
      case 'bool':
        return { type: 'bool', ...placed, value: value === 'true' };
      case 'charConstant':
      case 'number':
      case 'complex':
        return { type: 'number', ...placed, value: this.#number(item) };
      case 'leftParen': {
        const pipeline = this.#pipeline('parenthesized pipeline', 'rightParen');
        return { type: 'pipeline', at, source: pipeline.source, pipeline };
      }
      case 'string':
      case 'rawString':
        return { type: 'string', ...placed, value: this.#unquote(item) };
      default:
        this.#items.place--;
        return undefined;
    }
  }

  #number(item: Item): number | bigint | Float {
    const number = readNumber(item.value);
    if (typeof number === 'string') this.#items.fail(number);
    return number;
  }
}

const operandTypes: ReadonlySet<ItemType> = new Set<ItemType>([
  'bool',
  'charConstant',
  'complex',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
]);
