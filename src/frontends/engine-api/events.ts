import { ImageError } from '../../errors.ts';
import { events } from '../../operations/events.ts';
import type { StoreEvent } from '../../store/store-event.ts';
import { linesAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** `GET /events`: the head at once, then a line for each event. */
export function showEvents(exchange: Exchange): Answer {
  const { desk, signal } = exchange;
  const since = exchange.time('since');
  const until = exchange.time('until');
  if (since && until && until < since)
    throw new ImageError(
      'invalid-argument',
      `\`since\` time (${exchange.text('since')}) cannot be after \`until\` time (${exchange.text('until')})`,
    );
  const filters = exchange.filters();
  return linesAnswer(async (lines) => {
    lines.start();
    for await (const event of events(desk.host, { since, until, filters, signal: AbortSignal.any([signal, desk.ending]) }))
      lines.raw(`${eventText(event)}\n`);
  });
}

/** With the keys of old in it: clients before API 1.52 read them. */
function eventText({ type, action, id, attributes, time }: StoreEvent): string {
  const old = {
    ...(type === 'container' || type === 'image' ? { status: action, id } : {}),
    ...(type === 'container' ? { from: attributes['image'] ?? '' } : {}),
  };
  const milliseconds = time.getTime();
  const json = JSON.stringify({
    ...old,
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Math.floor(milliseconds / 1000),
  });
  // More digits than a number here can have.
  return `${json.slice(0, -1)},"timeNano":${milliseconds}000000}`;
}
