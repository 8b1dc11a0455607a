/** `bay events` and `bay system events`. */

import { ImageError, isImageError } from '../../../errors.ts';
import { parseFilterTime } from '../../../operations/filter-term.ts';
import { events as eventsOf } from '../../../operations/events.ts';
import type { StoreEvent } from '../../../store/store-event.ts';
import { command } from '../grammar.ts';
import type { Template } from '../gotemplate/template.ts';
import { openStore } from '../host.ts';
import { printable } from '../../../io/printable.ts';
import { localRfc3339Nano } from '../units.ts';
import { documentFormat } from './format-help.ts';

export const events = command({
  description: 'Show what happens in the store as it happens, whoever does it: images, containers and volumes.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    filter: { type: 'filter', short: 'f', value: 'filter', help: 'Filter output based on conditions provided' },
    format: {
      type: 'string',
      value: 'string',
      help: documentFormat.help,
      values: ['json'],
    },
    json: { type: 'bool', help: 'Print one JSON document for each event' },
    since: { type: 'string', value: 'string', help: 'Show all events created since timestamp' },
    until: { type: 'string', value: 'string', help: 'Stream events until this timestamp' },
  },
  examples: [
    ['What happened in the last hour', 'bay events --since 1h --until 0s'],
    ['What happens to one image', 'bay events -f image=debian:12'],
  ],
  async run(invocation) {
    const { flags, terminal } = invocation;
    const time = (text: string | undefined) => (text === undefined ? undefined : new Date(parseFilterTime(text, terminal.now())));
    const [since, until] = [time(flags.since), time(flags.until)];
    if (since && until && since > until)
      throw new ImageError(
        'invalid-argument',
        `\`since\` time (${since.toISOString()}) cannot be after \`until\` time (${until.toISOString()})`,
      );
    const template = await templateOf(flags.json ? 'json' : flags.format);
    await using store = await openStore(invocation);
    const filters = flags.filter.map(({ name, value }) => ({ key: name, value }));
    const host = { store, now: () => terminal.now() };
    for await (const event of eventsOf(host, { since, until, filters, signal: terminal.signal }))
      terminal.stdout.write(`${template ? template(event) : lineOf(event)}\n`);
    if (terminal.signal.aborted) throw terminal.signal.reason;
  },
});

/** As docker prints one: time, type, action, whose it is, and its attributes by name. */
function lineOf({ time, type, action, id, attributes }: StoreEvent): string {
  const texts = Object.entries(attributes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return printable(`${localRfc3339Nano(time)} ${type} ${action} ${id}${texts.length > 0 ? ` (${texts.join(', ')})` : ''}`);
}

async function templateOf(format: string | undefined): Promise<((event: StoreEvent) => string) | undefined> {
  if (format === undefined || format === '') return undefined;
  if (format === 'json') return jsonOf;
  const { parseTemplate } = await import('../gotemplate/template.ts');
  const { goStringMap, goStruct } = await import('../gotemplate/values.ts');
  const show = (template: Template, { type, action, id, attributes, time }: StoreEvent): string =>
    template.execute(
      goStruct('*events.Message', {
        Type: type,
        Action: action,
        Actor: goStruct('events.Actor', { ID: id, Attributes: goStringMap({ ...attributes }) }),
        Scope: 'local',
        Time: Math.floor(time.getTime() / 1000),
        TimeNano: time.getTime() * 1e6,
        Status: type === 'image' || type === 'container' ? action : '',
        ID: type === 'image' || type === 'container' ? id : '',
        From: type === 'container' ? (attributes['image'] ?? '') : '',
      }),
    );
  try {
    const template = parseTemplate(format);
    // Said before the first event, which may be long in coming, or never come.
    show(template, { number: 0, type: 'image', action: '', id: '', attributes: {}, time: new Date(0) });
    return (event) => show(template, event);
  } catch (error) {
    if (!isImageError(error)) throw error;
    throw new ImageError('invalid-argument', `Error parsing format: ${error.message.replace(/^template parsing error: /, '')}`, {
      detail: { plain: true, exitCode: 64 },
    });
  }
}

/** As the Engine API gives it since 1.52: one line, and a time in nanoseconds, which has more digits than a number here. */
function jsonOf({ type, action, id, attributes, time }: StoreEvent): string {
  const milliseconds = time.getTime();
  const head = {
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Math.floor(milliseconds / 1000),
  };
  return `${JSON.stringify(head).slice(0, -1)},"timeNano":${milliseconds}000000}`;
}
