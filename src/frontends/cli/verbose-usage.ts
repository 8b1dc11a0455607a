/** `bay system df -v`: a table of each kind, or one document of all of them for a template. */

import { shortId, type Digest } from '../../model/digest.ts';
import { familiarName } from '../../model/reference.ts';
import type { Host } from '../../operations/host.ts';
import { createdAt } from '../../operations/image-filter.ts';
import type { InspectedVolume } from '../../operations/inspect-volume.ts';
import { listContainers } from '../../operations/list-containers.ts';
import { listVolumes } from '../../operations/list-volumes.ts';
import { list } from '../../operations/list.ts';
import type { Usage } from '../../store/usage.ts';
import { containerFields } from './container-fields.ts';
import { isOwnTable, listText, rowStructs, type Field } from './list.ts';
import { humanSize, localTime, timeSince } from './units.ts';
import { volumeFields } from './volume-fields.ts';

interface ImageRow {
  readonly repository: string;
  readonly tag: string;
  readonly id: Digest;
  readonly created: Date | undefined;
  readonly size: number;
  readonly shared: number;
  readonly unique: number;
  /** Containers made from it. */
  readonly users: number;
}

/** The text, ended by a newline. @throws ImageError as a template does */
export async function verboseUsage(
  host: Pick<Host, 'store' | 'containers' | 'now'>,
  usage: Usage,
  { format, signal }: { readonly format: string | undefined; readonly signal: AbortSignal },
): Promise<string> {
  const isTable = isOwnTable(format);
  const now = host.now();
  const images = {
    rows: await imageRows(host, usage),
    fields: imageFields(now, !isTable),
    type: '*formatter.imageContext',
  };
  const containers = {
    rows: await listContainers(host, { all: true, size: true, signal }),
    fields: containerFields(now, !isTable),
    type: '*formatter.ContainerContext',
  };
  const volumes = {
    rows: await listVolumes(host, { usage: true }),
    fields: measuredVolumeFields,
    type: '*formatter.volumeContext',
  };
  if (!isTable) {
    const { parseTemplate } = await import('./gotemplate/template.ts');
    const { goStruct } = await import('./gotemplate/values.ts');
    const text = format === 'json' ? '{{json .}}' : (format ?? '');
    const document = {
      Images: await rowStructs(images.rows, images),
      Containers: await rowStructs(containers.rows, containers),
      Volumes: await rowStructs(volumes.rows, volumes),
      // Nothing is built here.
      BuildCache: [],
    };
    return `${parseTemplate(text).execute(goStruct('*formatter.diskUsageContext', document))}\n`;
  }
  const sections = [
    `Images space usage:\n\n${await listText(images.rows, {
      ...images,
      format,
      columns: ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size', 'SharedSize', 'UniqueSize', 'Containers'],
    })}`,
    `Containers space usage:\n\n${await listText(containers.rows, {
      ...containers,
      format,
      columns: ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'],
    })}`,
    `Local Volumes space usage:\n\n${await listText(volumes.rows, { ...volumes, format, columns: ['Name', 'Links', 'Size'] })}`,
    'Build cache usage: 0B\n',
    `Unfinished downloads and uploads: ${humanSize(usage.drafts, 4)}\nContent that nothing needs: ${humanSize(usage.unheld, 4)}\n`,
  ];
  return sections.join('\n');
}

async function imageRows(host: Pick<Host, 'store' | 'now'>, usage: Usage): Promise<readonly ImageRow[]> {
  const sizes = new Map(usage.images.map((image) => [image.target, image]));
  const users = new Map<string, number>();
  for (const { target } of await host.store.containers()) users.set(target.digest, (users.get(target.digest) ?? 0) + 1);
  return (await list(host)).flatMap((image) => {
    const { digest } = image.target;
    const { size = 0, shared = 0, unique = 0 } = sizes.get(digest) ?? {};
    const created = createdAt(image) === 0 ? undefined : new Date(createdAt(image));
    const row = { id: digest, created, size, shared, unique, users: users.get(digest) ?? 0 };
    return image.names.length === 0
      ? [{ ...row, repository: '<none>', tag: '<none>' }]
      : image.names.map(({ reference }) => ({ ...row, repository: familiarName(reference), tag: reference.tag ?? '<none>' }));
  });
}

function imageFields(now: Date, noTrunc: boolean) {
  return {
    Containers: { title: 'CONTAINERS', value: ({ users }) => String(users) },
    CreatedAt: { title: 'CREATED AT', value: ({ created }) => localTime(created) },
    CreatedSince: { title: 'CREATED', value: ({ created }) => timeSince(created, now), empty: 'N/A' },
    Digest: { title: 'DIGEST', value: () => '' },
    ID: { title: 'IMAGE ID', value: ({ id }) => (noTrunc ? id : shortId(id)) },
    Repository: { title: 'REPOSITORY', value: ({ repository }) => repository },
    SharedSize: { title: 'SHARED SIZE', value: ({ shared }) => humanSize(shared, 4) },
    Size: { title: 'SIZE', value: ({ size }) => humanSize(size) },
    Tag: { title: 'TAG', value: ({ tag }) => tag },
    UniqueSize: { title: 'UNIQUE SIZE', value: ({ unique }) => humanSize(unique, 4) },
    VirtualSize: { title: 'SIZE', value: ({ size }) => humanSize(size, 4) },
  } satisfies Record<string, Field<ImageRow>>;
}

const measuredVolumeFields = {
  ...volumeFields,
  Links: { title: 'LINKS', value: ({ UsageData }) => String(UsageData?.RefCount ?? 0) },
  Size: { title: 'SIZE', value: ({ UsageData }) => humanSize(UsageData?.Size ?? 0) },
} satisfies Record<string, Field<InspectedVolume>>;
