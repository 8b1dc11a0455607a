import type { ListedContainer } from '../../operations/list-containers.ts';
import { labelField, type Field } from './list.ts';
import { humanSize, localTime, timeSince } from './units.ts';

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

/** What templates and columns can name of a container. `noTrunc` for whole ids, commands and names of mounts. */
export function containerFields(now: Date, noTrunc: boolean) {
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
    Label: labelField(({ Labels }: ListedContainer) => Labels),
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
