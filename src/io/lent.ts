/**
 * A stream that can lend its bytes instead of giving them: a chunk of `lent()` is the consumer's only until it asks for the next one, as its memory is used again.
 * Who cannot be done with it leaves instead (`break`), or destroys the stream: what was lent then stays as it is, and goes to nobody else.
 * In place of reading the stream, not beside it. Most consumers keep chunks for a while (any pipeline does) and must read the stream itself.
 */
export interface Lender {
  lent(): AsyncIterable<Uint8Array>;
}

/** What a consumer iterates that is done with each chunk before it asks for the next. */
export function lent(source: AsyncIterable<Uint8Array> & Partial<Lender>): AsyncIterable<Uint8Array> {
  return source.lent?.() ?? source;
}
