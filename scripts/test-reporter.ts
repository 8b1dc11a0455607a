/**
 * node:test's spec reporter, with every skipped test and its reason listed before the closing counts: a test that was
 * skipped because a peer is not installed must not be mistaken for one that passed.
 */
import { Readable } from 'node:stream';
import { spec as Spec } from 'node:test/reporters';
import type { TestEvent } from 'node:test/reporters';

async function* listSkips(events: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  const skips = new Map<string, string[]>();
  let told = false;
  for await (const event of events) {
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const { name, skip } = event.data;
      if (skip !== undefined && skip !== false) {
        const reason = typeof skip === 'string' && skip !== '' ? skip : 'no reason given';
        skips.set(reason, [...(skips.get(reason) ?? []), name]);
      }
    }
    const closing = event.type === 'test:diagnostic' && event.data.nesting === 0 && /^tests \d+$/.test(event.data.message);
    if (closing && !told) {
      told = true;
      for (const [reason, names] of skips) {
        const message = `not run (${reason}), ${names.length}: ${names.join('; ')}`;
        yield { type: 'test:diagnostic', data: { ...event.data, message } };
      }
    }
    yield event;
  }
}

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  yield* Readable.from(listSkips(source)).compose(new Spec());
}
