/** `bay ps` and `bay container ls`. */

import { listContainers, type ListedContainer } from '../../../operations/list-containers.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { isOwnTable, labelTitle, listText, type Field } from '../list.ts';
import { humanSize, localTime, timeSince } from '../units.ts';
import { tableFormat } from './format-help.ts';

export const ps = command({
  description: 'List containers, the newest first. Without --all only those that run.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Show all containers (default shows just running)' },
    filter: { type: 'filter', short: 'f', value: 'filter', help: 'Filter output based on conditions provided' },
    format: tableFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
    last: { type: 'int', short: 'n', default: -1, value: 'int', help: 'Show n last created containers (includes all\nstates)' },
    latest: { type: 'bool', short: 'l', help: 'Show the latest created container (includes all\nstates)' },
    'no-trunc': { type: 'bool', help: "Don't truncate output" },
    quiet: { type: 'bool', short: 'q', help: 'Only display container IDs' },
    size: { type: 'bool', short: 's', help: 'Display total file sizes' },
  },
  examples: [
    ['All of them', 'bay ps -a'],
    ['Those of an image', 'bay ps -a -f ancestor=debian:12'],
    ['For a script', "bay ps -a --format '{{.ID}} {{.Names}}'"],
  ],
  async run(invocation) {
    const { flags, terminal } = invocation;
    await using host = await openContainers(invocation);
    const { format } = flags;
    const found = await listContainers(host, {
      all: flags.all,
      limit: flags.latest ? 1 : flags.last,
      size: flags.size || (format !== undefined && !flags.quiet && /\{\{[^}]*\.Size\b/.test(format)),
      filters: flags.filter.map(({ name, value }) => ({ key: name, value })),
      signal: terminal.signal,
    });
    if (flags.json) {
      terminal.print(`${JSON.stringify(found)}\n`);
      return;
    }
    const fields = containerFields(terminal.now(), flags.noTrunc);
    if (flags.quiet && isOwnTable(format)) terminal.print(found.map((row) => `${fields.ID.value(row)}\n`).join(''));
    else
      terminal.print(
        await listText(found, {
          format: flags.quiet && format === 'raw' ? 'container_id: {{.ID}}' : format,
          fields,
          columns: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names', ...(flags.size ? (['Size'] as const) : [])],
          type: '*formatter.ContainerContext',
          raw: `container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n${flags.size ? 'size: {{.Size}}\n' : ''}`,
        }),
      );
  },
});

/** The first letters, and a sign that there are more. */
function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** The name without a digest; where that is the image's own, as much of it as an id has. */
function shortImage(image: string, id: string): string {
  const short = (text: string) => text.slice(text.indexOf(':') + 1).slice(0, 12);
  if (short(image) === short(id)) return short(id);
  return /^sha(?:256|512):[0-9a-f]+$/.test(image) ? short(image) : image.replace(/@.*$/, '');
}

function containerFields(now: Date, noTrunc: boolean) {
  const created = ({ Created }: ListedContainer) => new Date(Created * 1000);
  const labels = ({ Labels }: ListedContainer) => Object.entries(Labels).map(([key, value]) => `${key}=${value}`);
  return {
    Command: { title: 'COMMAND', value: ({ Command }) => `"${noTrunc ? Command : cut(Command, 20)}"` },
    CreatedAt: { title: 'CREATED AT', value: (row) => localTime(created(row)) },
    ID: { title: 'CONTAINER ID', value: ({ Id }) => (noTrunc ? Id : Id.slice(0, 12)) },
    Image: {
      title: 'IMAGE',
      value: ({ Image, ImageID }) => (noTrunc ? Image : shortImage(Image, ImageID)),
    },
    Label: {
      title: labelTitle,
      value:
        ({ Labels }) =>
        (name: string) =>
          Labels[name] ?? '',
    },
    Labels: { title: 'LABELS', value: (row) => labels(row).join(',') },
    LocalVolumes: { title: 'LOCAL VOLUMES', value: ({ Mounts }) => String(Mounts.filter(({ Driver }) => Driver === 'local').length) },
    Mounts: {
      title: 'MOUNTS',
      value: ({ Mounts }) =>
        Mounts.map(({ Name, Source }) => Name ?? Source)
          .map((name) => (noTrunc ? name : cut(name, 15)))
          .join(','),
    },
    Names: { title: 'NAMES', value: ({ Names }) => Names.map((name) => name.replace(/^\//, '')).join(',') },
    Networks: { title: 'NETWORKS', value: ({ NetworkSettings }) => Object.keys(NetworkSettings.Networks).join(',') },
    Platform: { title: 'PLATFORM', value: ({ ImageManifestDescriptor }) => ImageManifestDescriptor.platform ?? null },
    Ports: { title: 'PORTS', value: () => '' },
    RunningFor: { title: 'CREATED', value: (row) => timeSince(created(row), now) },
    Size: {
      title: 'SIZE',
      value: ({ SizeRw = 0, SizeRootFs = 0 }) =>
        SizeRootFs > 0 ? `${humanSize(SizeRw)} (virtual ${humanSize(SizeRootFs)})` : humanSize(SizeRw),
    },
    State: { title: 'STATE', value: ({ State }) => State },
    Status: { title: 'STATUS', value: ({ Status }) => Status },
  } satisfies Record<string, Field<ListedContainer>>;
}
