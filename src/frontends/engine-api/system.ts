import { release as kernelRelease } from 'node:os';
import { ImageError } from '../../errors.ts';
import { hostPlatform } from '../../model/platform.ts';
import { describeHost } from '../../operations/describe-host.ts';
import { listContainers } from '../../operations/list-containers.ts';
import { list } from '../../operations/list.ts';
import { listVolumes } from '../../operations/list-volumes.ts';
import type { ImageUsage } from '../../store/usage.ts';
import { commit, version as release } from '../../version.ts';
import { newestVersion, oldestVersion, versionText } from './api-version.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import { containerRow } from './container-row.ts';
import type { Exchange } from './exchange.ts';
import { imageRelations, imageRow } from './image-list.ts';

/** `GET` and `HEAD /_ping`: every client's first word; it chooses the version, and the builder, by the head of the answer. */
export function ping({ request }: Exchange): Answer {
  const body = Buffer.from(request.method === 'HEAD' ? '' : 'OK');
  return {
    status: 200,
    headers: {
      // The classic one: a client without its own BuildKit is not to look for ours.
      'Builder-Version': '1',
      'Cache-Control': 'no-cache, no-store, must-revalidate',
      Pragma: 'no-cache',
      Swarm: 'inactive',
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': body.length,
    },
    body,
  };
}

/** `GET /version`. */
export function showVersion(): Answer {
  const { os, architecture } = hostPlatform();
  const facts = {
    Version: release,
    ApiVersion: versionText(newestVersion),
    MinAPIVersion: versionText(oldestVersion),
    GitCommit: commit,
    // Docker's client prints it; what we are written in has another name.
    GoVersion: `node${process.versions.node}`,
    Os: os,
    Arch: architecture,
    KernelVersion: kernelRelease(),
  };
  const { Version, ...details } = facts;
  return jsonAnswer(200, {
    Platform: { Name: 'Bayplan' },
    Components: [{ Name: 'Engine', Version, Details: { ...details, Experimental: 'false' } }],
    ...facts,
  });
}

/** `GET /info`. */
export async function showInfo({ desk, version }: Exchange): Promise<Answer> {
  const facts = await describeHost(desk.host);
  return jsonAnswer(200, { ID: desk.id, ...facts, ...(version < 25 ? { ExecutionDriver: '<not supported>' } : {}) });
}

const diskTypes = ['container', 'image', 'volume', 'build-cache'];

/** `GET /system/df`. */
export async function diskUsage(exchange: Exchange): Promise<Answer> {
  const { desk, version } = exchange;
  const asked = version >= 42 ? exchange.texts('type') : [];
  for (const type of asked)
    if (!diskTypes.includes(type)) throw new ImageError('invalid-argument', `unknown object type: ${type.slice(0, 40)}`);
  const wants = (type: string): boolean => asked.length === 0 || asked.includes(type);
  const { host } = desk;
  const { total, trees, images } = await host.store.usage();
  return jsonAnswer(200, {
    LayersSize: total + trees,
    Images: wants('image') ? await imageUsage(exchange, images) : null,
    Containers: wants('container')
      ? (await listContainers(host, { all: true, size: true, signal: exchange.signal })).map((row) => containerRow(row, false))
      : null,
    Volumes: wants('volume') ? await listVolumes(host, { usage: true }) : null,
    BuildCache: wants('build-cache') ? [] : null,
  });
}

/** Rows of the list with what is shared: the client takes that off, and adds up what is in use. */
async function imageUsage({ desk, version }: Exchange, usage: readonly ImageUsage[]): Promise<readonly object[]> {
  const { host } = desk;
  const relations = await imageRelations(host.store);
  const sizes = new Map(usage.map((image) => [image.target, image]));
  return (await list(host)).map((image) => {
    const { size = image.target.size, shared = 0 } = sizes.get(image.target.digest) ?? {};
    return {
      ...imageRow(image, version, relations),
      // Counted here in every version.
      Containers: relations.users.get(image.target.digest)?.length ?? 0,
      Size: size,
      SharedSize: shared,
      ...(version < 44 ? { VirtualSize: size } : {}),
    };
  });
}
