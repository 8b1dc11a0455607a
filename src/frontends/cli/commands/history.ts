/** `bay history` and `bay image history`. */

import { shortId } from '../../../model/digest.ts';
import { history as historyOf, type HistoryStep } from '../../../operations/history.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { isOwnTable, listText, type Field } from '../list.ts';
import { humanSize, localRfc3339, timeSince } from '../units.ts';
import { platformFlag } from '../platform-flag.ts';
import { tableFormat } from './format-help.ts';

export const history = command({
  description: 'Show how an image came to be, newest step first, down to its base.',
  operands: { usage: 'IMAGE', min: 1, max: 1 },
  flags: {
    format: tableFormat,
    human: { type: 'bool', short: 'H', default: true, help: 'Print sizes and dates in human readable format' },
    json: { type: 'bool', help: 'Print one JSON document' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    platform: {
      type: 'string',
      value: 'string',
      help: 'Show history for the given platform. Formatted\nas "os[/arch[/variant]]" (e.g., "linux/amd64")',
    },
    quiet: { type: 'bool', short: 'q', help: 'Only show image IDs' },
  },
  examples: [['The steps in full', 'bay history --no-trunc debian:12']],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    await using store = await openStore(invocation);
    const steps = await historyOf({ store }, operands[0], {
      signal: terminal.signal,
      platform: platformFlag(flags.platform, 'invalid platform: '),
    });
    if (flags.json) {
      terminal.print(
        `${JSON.stringify(steps.map(({ id = null, created = null, created_by = '', comment = '', tags, layer }) => ({ id, created, createdBy: created_by, size: layer?.descriptor.size ?? 0, comment, tags, layer: layer?.descriptor.digest ?? null })))}\n`,
      );
      return;
    }
    const fields = historyFields(terminal.now(), flags);
    if (flags.quiet && isOwnTable(flags.format)) terminal.print(steps.map((step) => `${fields.ID.value(step)}\n`).join(''));
    else
      terminal.print(
        await listText(steps, {
          format: flags.format,
          fields,
          columns: ['ID', flags.human ? 'CreatedSince' : 'CreatedAt', 'CreatedBy', 'Size', 'Comment'],
          type: '*image.historyContext',
        }),
      );
  },
});

function historyFields(now: Date, { human, noTrunc }: { human: boolean; noTrunc: boolean }) {
  const time = ({ created }: HistoryStep) => {
    const parsed = Date.parse(created ?? '');
    return Number.isNaN(parsed) || parsed <= 0 ? undefined : new Date(parsed);
  };
  return {
    Comment: { title: 'COMMENT', value: ({ comment }) => comment ?? '' },
    CreatedAt: { title: 'CREATED AT', value: (step) => localRfc3339(time(step)) },
    CreatedBy: {
      title: 'CREATED BY',
      value: ({ created_by = '' }) => {
        const text = created_by.replaceAll('\t', ' ');
        return noTrunc || text.length <= 45 ? text : `${text.slice(0, 44)}…`;
      },
    },
    CreatedSince: { title: 'CREATED', value: (step) => (human ? timeSince(time(step), now) || 'N/A' : localRfc3339(time(step))) },
    ID: { title: 'IMAGE', value: ({ id }) => (id === undefined ? '<missing>' : noTrunc ? id : shortId(id)) },
    Size: { title: 'SIZE', value: ({ layer }) => (human ? humanSize(layer?.descriptor.size ?? 0) : String(layer?.descriptor.size ?? 0)) },
  } satisfies Record<string, Field<HistoryStep>>;
}
