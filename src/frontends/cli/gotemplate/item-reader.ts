import { ImageError } from '../../../errors.ts';
import { keywords, lex, type Item, type ItemType } from './lex.ts';
import { goQuote } from './printf.ts';
import { templateError } from './tree.ts';

/** Reads the items of a template one after the other, and fails with Go's texts where the next is none that may stand there. */
export class ItemReader {
  /** The number of the item that is next: set back by whoever has read too far. */
  place = 0;
  /** The line on which the action began that is read; 0 outside of one. */
  actionLine = 0;
  readonly #name: string;
  readonly #items: readonly Item[];
  /** The line of the item looked at last, which Go's messages show. */
  #line = 1;

  /** @param name the template's, which messages show */
  constructor(name: string, text: string) {
    this.#name = name;
    this.#items = lex(text);
  }

  peek(): Item {
    const item = this.#items[this.place] ?? this.#items.at(-1);
    if (item === undefined) throw new ImageError('internal', 'the lexer gave no item');
    this.#line = item.line;
    return item;
  }

  take(): Item {
    const item = this.peek();
    this.place++;
    return item;
  }

  /** The next that is no space. */
  peekSolid(): Item {
    while (this.peek().type === 'space') this.place++;
    return this.peek();
  }

  takeSolid(): Item {
    const item = this.peekSolid();
    this.place++;
    return item;
  }

  expect(type: ItemType, context: string): Item {
    const item = this.takeSolid();
    if (item.type !== type) this.unexpected(item, context);
    return item;
  }

  fail(message: string): never {
    throw templateError(`template: ${this.#name}:${this.#line}: ${message}`);
  }

  unexpected(item: Item, context: string): never {
    if (item.type === 'error') {
      let extra = '';
      if (this.actionLine !== 0 && this.actionLine !== item.line) {
        extra = ` in action started at ${this.#name}:${this.actionLine}`;
        if (item.value.endsWith(' action')) extra = extra.slice(' in action'.length);
      }
      this.fail(item.value + extra);
    }
    this.fail(`unexpected ${shown(item)} in ${context}`);
  }
}

/** An item as Go's messages show it. */
function shown(item: Item): string {
  if (item.type === 'eof') return 'EOF';
  if (keywords.has(item.type) || item.type === 'dot' || item.type === 'nil') return `<${item.value}>`;
  const runes = [...item.value];
  return runes.length > 10 ? `${goQuote(runes.slice(0, 10).join(''))}...` : goQuote(item.value);
}
