import { ImageError } from '../../errors.ts';
import { begun } from '../../io/begun.ts';
import { commit } from '../../operations/commit.ts';
import { containerChanges } from '../../operations/container-changes.ts';
import { createContainer } from '../../operations/create-container.ts';
import { exportContainer } from '../../operations/export-container.ts';
import { inspectContainer } from '../../operations/inspect-container.ts';
import { listContainers } from '../../operations/list-containers.ts';
import { pruneContainers } from '../../operations/prune-containers.ts';
import { removeContainer } from '../../operations/remove-container.ts';
import { renameContainer } from '../../operations/rename-container.ts';
import { updateContainer } from '../../operations/update-container.ts';
import { isObject } from '../../model/descriptor.ts';
import { emptyAnswer, jsonAnswer, type Answer } from './answer.ts';
import type { ApiVersion } from './api-version.ts';
import { containerRow } from './container-row.ts';
import type { Exchange } from './exchange.ts';
import { newName } from './new-name.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** `GET /containers/json`. */
export async function showContainers(exchange: Exchange): Promise<Answer> {
  const { desk, version, signal } = exchange;
  const filters = [...exchange.filters()];
  // Before filters there were these two.
  for (const key of ['since', 'before'] as const) {
    const value = exchange.text(key);
    if (value !== undefined) filters.push({ key, value });
  }
  const rows = await listContainers(desk.host, {
    all: exchange.flag('all'),
    size: exchange.flag('size'),
    limit: exchange.number('limit'),
    filters,
    signal,
  });
  return jsonAnswer(
    200,
    rows.map((row) => containerRow(row, version >= 48)),
  );
}

/** `POST /containers/create`. That an image is missing must be a 404 with docker's words: `docker run` pulls then. */
export async function makeContainer(exchange: Exchange): Promise<Answer> {
  const { desk, version, signal } = exchange;
  const document = await exchange.json('container.CreateRequest');
  if (document === undefined) throw new ImageError('invalid-argument', 'invalid JSON: got EOF while reading request body');
  if (document === null || Object.keys(document).every((key) => key === 'HostConfig' || key === 'NetworkingConfig'))
    throw new ImageError('invalid-argument', 'config cannot be empty in order to create a container');
  const created = await createContainer(desk.host, olderRequest(document, version), {
    name: exchange.text('name'),
    platform: version >= 41 ? exchange.platform() : undefined,
    signal,
  });
  const { MacAddress } = document;
  const warnings = version >= 44 && typeof MacAddress === 'string' && MacAddress !== '' ? [oldMacAddress] : [];
  return jsonAnswer(201, { ...created, Warnings: [...warnings, ...created.Warnings] });
}

const oldMacAddress = 'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.';

/** What older clients mean by what they send: before 1.25 it was they who removed a container, before 1.40 a container's IPC was for others to join. */
function olderRequest(document: Readonly<Record<string, unknown>>, version: ApiVersion): Readonly<Record<string, unknown>> {
  const { HostConfig } = document;
  if (version >= 40 || !isObject(HostConfig)) return document;
  return {
    ...document,
    HostConfig: { ...HostConfig, IpcMode: HostConfig['IpcMode'] || 'shareable', ...(version < 25 ? { AutoRemove: false } : {}) },
  };
}

/** `GET /containers/{name}/json`. */
export async function showContainer(exchange: Exchange): Promise<Answer> {
  const { desk, name, version, signal } = exchange;
  const { ImageManifestDescriptor, ...document } = await inspectContainer(desk.host, name, { size: exchange.flag('size'), signal });
  return jsonAnswer(200, version >= 48 ? { ...document, ImageManifestDescriptor } : document);
}

/** `POST /containers/{name}/rename`. */
export async function nameContainer(exchange: Exchange): Promise<Answer> {
  const name = exchange.text('name');
  if (name === undefined) throw new ImageError('invalid-argument', 'Neither old nor new names may be empty');
  await renameContainer(exchange.desk.host, exchange.name, name);
  return emptyAnswer(204);
}

/** `POST /containers/{name}/update`. */
export async function changeContainer(exchange: Exchange): Promise<Answer> {
  return jsonAnswer(200, await updateContainer(exchange.desk.host, exchange.name, (await exchange.json('container.UpdateConfig')) ?? {}));
}

/** `GET /containers/{name}/changes`. */
export async function showChanges({ desk, name, signal }: Exchange): Promise<Answer> {
  const changes = await containerChanges(desk.host, name, { signal });
  // Go's empty list.
  return jsonAnswer(200, changes.length > 0 ? changes : null);
}

/** `GET /containers/{name}/export`. */
export async function sendContainer({ desk, name, signal }: Exchange): Promise<Answer> {
  const body = await begun(await exportContainer(desk.host, name, { signal }));
  return { status: 200, headers: { 'Content-Type': 'application/octet-stream' }, body };
}

/** `DELETE /containers/{name}`. */
export async function deleteContainer(exchange: Exchange): Promise<Answer> {
  if (exchange.name === '') throw noName();
  await removeContainer(exchange.desk.host, exchange.name, {
    force: exchange.flag('force'),
    volumes: exchange.flag('v'),
    link: exchange.flag('link'),
  });
  return emptyAnswer(204);
}

function noName(): ImageError {
  return new ImageError('invalid-argument', 'invalid name or ID supplied: ""');
}

/** `POST /containers/prune`. */
export async function clearContainers(exchange: Exchange): Promise<Answer> {
  const filters = exchange.filters();
  const { signal, desk } = exchange;
  return jsonAnswer(200, await oneAtATime(exchange, 'containers', () => pruneContainers(desk.host, { filters, signal })));
}

/** `POST /commit`. The body, where there is one, is a Config to take in place of the container's. */
export async function commitContainer(exchange: Exchange): Promise<Answer> {
  const { desk, signal } = exchange;
  const config = (await exchange.json('container.CreateRequest')) ?? undefined;
  const reference = newName(exchange);
  const container = exchange.text('container');
  if (container === undefined) throw noName();
  const root = await commit(desk.host, container, {
    reference,
    author: exchange.text('author'),
    message: exchange.text('comment'),
    changes: exchange.texts('changes').filter((text) => text.trim() !== ''),
    config,
    signal,
  });
  return jsonAnswer(201, { Id: root.digest });
}
