import { createVolume } from '../../operations/create-volume.ts';
import { inspectVolume } from '../../operations/inspect-volume.ts';
import { listVolumes } from '../../operations/list-volumes.ts';
import { pruneVolumes } from '../../operations/prune-volumes.ts';
import { removeVolume } from '../../operations/remove-volume.ts';
import { ImageError } from '../../errors.ts';
import { isObject } from '../../model/descriptor.ts';
import { emptyAnswer, jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** `GET /volumes`. */
export async function showVolumes(exchange: Exchange): Promise<Answer> {
  const Volumes = await listVolumes(exchange.desk.host, { filters: exchange.filters() });
  return jsonAnswer(200, { Volumes, Warnings: null });
}

/** `GET /volumes/{name}`. */
export async function showVolume({ desk, name }: Exchange): Promise<Answer> {
  return jsonAnswer(200, await inspectVolume(desk.host, name));
}

/** `POST /volumes/create`. */
export async function makeVolume(exchange: Exchange): Promise<Answer> {
  const { Name, Driver, Labels, DriverOpts } = (await exchange.json('volume.CreateOptions')) ?? {};
  return jsonAnswer(
    201,
    await createVolume(exchange.desk.host, {
      name: text(Name, 'Name'),
      driver: text(Driver, 'Driver'),
      labels: texts(Labels, 'Labels'),
      options: texts(DriverOpts, 'DriverOpts'),
    }),
  );
}

/** `PUT /volumes/{name}`: for volumes of a cluster, and there is none. */
export function changeVolume(): Answer {
  return jsonAnswer(503, { message: 'volume update only valid for cluster volumes, but swarm is unavailable' });
}

/** `DELETE /volumes/{name}`. */
export async function deleteVolume(exchange: Exchange): Promise<Answer> {
  await removeVolume(exchange.desk.host, exchange.name, { force: exchange.flag('force') });
  return emptyAnswer(204);
}

/** `POST /volumes/prune`. Before 1.42 it took the ones with names too. */
export async function clearVolumes(exchange: Exchange): Promise<Answer> {
  const { version, desk, signal } = exchange;
  const given = exchange.filters();
  const filters = version < 42 ? [...given.filter(({ key }) => key !== 'all'), { key: 'all', value: 'true' }] : given;
  const { VolumesDeleted, SpaceReclaimed } = await oneAtATime(exchange, 'volumes', () => pruneVolumes(desk.host, { filters, signal }));
  return jsonAnswer(200, { VolumesDeleted: VolumesDeleted ?? [], SpaceReclaimed });
}

function text(value: unknown, key: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new ImageError('invalid-argument', `invalid JSON: ${key} is not a text`);
  return value;
}

function texts(value: unknown, key: string): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value) || !Object.values(value).every((one) => typeof one === 'string'))
    throw new ImageError('invalid-argument', `invalid JSON: ${key} is not an object of texts`);
  return value as Readonly<Record<string, string>>;
}
