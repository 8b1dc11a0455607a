import { createVolume } from '../../operations/create-volume.ts';
import { inspectVolume } from '../../operations/inspect-volume.ts';
import { listVolumes } from '../../operations/list-volumes.ts';
import { pruneVolumes } from '../../operations/prune-volumes.ts';
import { removeVolume } from '../../operations/remove-volume.ts';
import { readFields } from '../../containers/wire-shape.ts';
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

const createOptions = { Name: 'string', Driver: 'string', DriverOpts: 'labels', Labels: 'labels' } as const;

/** `POST /volumes/create`. */
export async function makeVolume(exchange: Exchange): Promise<Answer> {
  const document = await exchange.json('volume.CreateOptions');
  const { Name, Driver, Labels, DriverOpts } = readFields(createOptions, document, 'CreateOptions');
  return jsonAnswer(
    201,
    await createVolume(exchange.desk.host, {
      name: Name || undefined,
      driver: Driver || undefined,
      labels: Labels ?? undefined,
      options: DriverOpts ?? undefined,
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
