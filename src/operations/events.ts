import { setTimeout as wait } from 'node:timers/promises';
import type { Operation } from '../io/operation.ts';
import type { StoreEvent } from '../store/store-event.ts';
import { labelFilter, type FilterTerm } from './filter-term.ts';
import type { Host } from './host.ts';

export interface EventsOptions extends Operation {
  /** Also what happened from then on. Without it, and without `until`, only what happens from now on. */
  readonly since?: Date | undefined;
  /** Ends then; at once where that has passed. */
  readonly until?: Date | undefined;
  readonly filters?: readonly FilterTerm[] | undefined;
}

/** Milliseconds between two looks: what another process does is seen as late as that. */
const interval = 100;

/** What happens in the store, by any process, oldest first, and on until `until` or the signal, which ends it without an error. */
export async function* events(host: Pick<Host, 'store' | 'now'>, options: EventsOptions = {}): AsyncGenerator<StoreEvent, void, undefined> {
  const { since, until, signal } = options;
  const { store } = host;
  const keep = eventFilter(options.filters ?? []);
  const end = until?.getTime() ?? Infinity;
  // Its number is taken first, so that what happens meanwhile is not lost.
  let after = await store.lastEvent();
  let epoch = store.epoch();
  if (since ?? until) for (const event of await store.events({ since, until })) if (event.number <= after && keep(event)) yield event;
  while (!signal?.aborted && host.now().getTime() < end) {
    const now = store.epoch();
    if (now === epoch) {
      await wait(Math.min(interval, Math.max(1, end - host.now().getTime())), undefined, signal ? { signal } : {}).catch(() => {});
      continue;
    }
    epoch = now;
    for (const event of await store.events({ after })) {
      after = event.number;
      if (event.time.getTime() < end && keep(event)) yield event;
    }
  }
}

/** Docker's filter: values of one key are alternatives, labels must all be there, and different keys must hold together. A key that is none of its own changes nothing. */
function eventFilter(terms: readonly FilterTerm[]): (event: StoreEvent) => boolean {
  const values = Map.groupBy(terms, ({ key }) => key);
  const any = (key: string, test: (value: string) => boolean): boolean => values.get(key)?.some(({ value }) => test(value)) ?? true;
  const labels = (values.get('label') ?? []).map(({ value }) => labelFilter(value));
  const isPrefix = (key: string, { id, attributes }: StoreEvent): boolean =>
    any(key, (value) => id.startsWith(value) || (attributes['name'] ?? '').startsWith(value));
  return (event) =>
    any('event', (value) => event.action === value || event.action.startsWith(`${value}: `)) &&
    any('type', (value) => event.type === value) &&
    any('scope', (value) => value === 'local') &&
    any('daemon', () => false) &&
    any('plugin', () => false) &&
    isPrefix('container', event) &&
    isPrefix('volume', event) &&
    isPrefix('network', event) &&
    any('image', (value) => imageNames(event).includes(value)) &&
    labels.every((has) => has(event.attributes));
}

/** What a container's or an image's event is about, as a filter may name it: with its tag and without. */
function imageNames({ type, id, attributes }: StoreEvent): readonly string[] {
  const name = attributes[type === 'image' ? 'name' : 'image'] ?? '';
  return [id, name].flatMap((text) => [text, text.replace(/:[^/:]*$/, '')]);
}
