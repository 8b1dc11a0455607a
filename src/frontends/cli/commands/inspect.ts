/** `bay inspect`, of anything that has a name, and `inspect` of each kind. */

import { ImageError, isImageError } from '../../../errors.ts';
import type { Platform } from '../../../model/platform.ts';
import type { Host } from '../../../operations/host.ts';
import type { InspectedContainer } from '../../../operations/inspect-container.ts';
import type { InspectedImage } from '../../../operations/inspect.ts';
import { completeContainers } from '../complete-containers.ts';
import { completeImages } from '../complete-images.ts';
import { completeVolumes } from '../complete-volumes.ts';
import { documentsText } from '../documents.ts';
import { command, type Invocation } from '../grammar.ts';
import { openContainers } from '../host.ts';
import { inspectedContainerFields, inspectedFields } from '../inspected-fields.ts';
import { platformFlag } from '../platform-flag.ts';
import { documentFormat } from './format-help.ts';

/** In docker's order: what has a name of several kinds is the first of them. */
const kinds = ['container', 'image', 'network', 'volume'] as const;
type Kind = (typeof kinds)[number];

interface Found {
  readonly document: object;
  /** What a template sees. */
  readonly fields: object;
}

interface InspectOptions {
  readonly platform: Platform | undefined;
  readonly size: boolean;
  readonly signal: AbortSignal;
}

type Opened = Pick<Host, 'store' | 'containers'>;

const lookers: Readonly<Record<Kind, (host: Opened, name: string, options: InspectOptions) => Promise<Found>>> = {
  container: async (host, name, options) => {
    const { inspectContainer } = await import('../../../operations/inspect-container.ts');
    const document: InspectedContainer = await inspectContainer(host, name, options);
    return { document, fields: inspectedContainerFields(document) };
  },
  image: async (host, name, options) => {
    const { inspect: inspectImage } = await import('../../../operations/inspect.ts');
    const document: InspectedImage = await inspectImage(host, name, options);
    return { document, fields: inspectedFields(document) };
  },
  network: async (_host, name) => {
    const { inspectNetwork } = await import('../../../operations/list-networks.ts');
    const document = inspectNetwork(name);
    return { document, fields: { ...document, ID: document.Id } };
  },
  volume: async (host, name) => {
    const { inspectVolume } = await import('../../../operations/inspect-volume.ts');
    const document = await inspectVolume(host, name);
    return { document, fields: document };
  },
};

const json = { type: 'bool', help: 'Print one JSON document' } as const;
const platform = { type: 'string', value: 'string', help: 'Inspect a specific platform of the\nmulti-platform image.' } as const;
const size = { type: 'bool', short: 's', help: 'Display total file sizes' } as const;

export const inspect = command({
  description: 'Show everything about one or more containers, images, networks or volumes, as JSON or by a template.',
  operands: { usage: 'NAME|ID [NAME|ID...]', min: 1 },
  flags: {
    format: documentFormat,
    json,
    platform,
    size: { ...size, help: 'Display total file sizes if the type is container' },
    type: { type: 'string', value: 'string', help: 'Only inspect objects of the given type', values: kinds },
  },
  examples: [
    ['The digest that a registry knows it by', "bay inspect -f '{{index .RepoDigests 0}}' debian:12"],
    ['One setting', "bay inspect -f '{{json .Config.Env}}' debian:12"],
  ],
  complete: async (word, context) => [...(await completeContainers(word, context)), ...(await completeImages(word, context))],
  async run(invocation) {
    const { flags } = invocation;
    const type = flags.type === undefined || flags.type === '' ? undefined : kinds.find((kind) => kind === flags.type);
    if (flags.type && type === undefined)
      throw new ImageError(
        'invalid-argument',
        `unknown type: ${JSON.stringify(flags.type)}: must be one of ${kinds.map((kind) => JSON.stringify(kind)).join(', ')}`,
        {
          detail: { plain: true },
        },
      );
    return await inspectAll(invocation, type === undefined ? kinds : [type], flags);
  },
});

const about = (kind: Kind) => `Show everything about one or more ${kind}s, as JSON or by a template.`;
const unsaid = { platform: undefined, size: false };

export const containerInspect = command({
  description: about('container'),
  operands: { usage: 'CONTAINER [CONTAINER...]', min: 1 },
  flags: { format: documentFormat, json, size },
  complete: completeContainers,
  run: (invocation) => inspectAll(invocation, ['container'], { ...unsaid, ...invocation.flags }),
});

export const imageInspect = command({
  description: about('image'),
  operands: { usage: 'IMAGE [IMAGE...]', min: 1 },
  flags: { format: documentFormat, json, platform },
  complete: completeImages,
  run: (invocation) => inspectAll(invocation, ['image'], { ...unsaid, ...invocation.flags }),
});

export const networkInspect = command({
  description: about('network'),
  operands: { usage: 'NETWORK [NETWORK...]', min: 1 },
  flags: { format: documentFormat, json },
  complete: async () => ['bridge', 'host', 'none'],
  run: (invocation) => inspectAll(invocation, ['network'], { ...unsaid, ...invocation.flags }),
});

export const volumeInspect = command({
  description: about('volume'),
  operands: { usage: 'VOLUME [VOLUME...]', min: 1 },
  flags: { format: documentFormat, json },
  complete: completeVolumes,
  run: (invocation) => inspectAll(invocation, ['volume'], { ...unsaid, ...invocation.flags }),
});

async function inspectAll(
  { operands, terminal, report }: Pick<Invocation, 'operands' | 'terminal' | 'report'>,
  among: readonly Kind[],
  flags: { readonly format: string | undefined; readonly json: boolean; readonly platform: string | undefined; readonly size: boolean },
): Promise<number> {
  await using host = await openContainers({ terminal });
  const options = {
    platform: platformFlag(flags.platform, ''),
    size: flags.size,
    signal: terminal.signal,
  };
  const found: Found[] = [];
  const failures: unknown[] = [];
  for (const name of operands) {
    try {
      const { kind, ...one } = await look(host, name, among, options);
      if (flags.size && kind !== 'container') terminal.stderr.write(`WARNING: --size ignored for ${kind}\n`);
      found.push(one);
    } catch (error) {
      if (terminal.signal.aborted) throw error;
      failures.push(error);
    }
  }
  const fields = new Map(found.map((one) => [one.document, one.fields]));
  const documents = found.map(({ document }) => document);
  terminal.print(await documentsText(documents, flags.json ? 'json' : flags.format, (document) => fields.get(document) ?? document));
  for (const error of failures) report(error);
  return failures.length > 0 ? 1 : 0;
}

async function look(host: Opened, name: string, among: readonly Kind[], options: InspectOptions): Promise<Found & { kind: Kind }> {
  for (const kind of among) {
    try {
      return { ...(await lookers[kind](host, name, options)), kind };
    } catch (error) {
      if (among.length === 1 || !isImageError(error, 'not-found', 'invalid-reference')) throw error;
    }
  }
  throw new ImageError('not-found', `No such object: ${name}`);
}
