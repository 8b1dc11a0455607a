import { ImageError } from '../../errors.ts';
import { familiar } from '../../model/reference.ts';
import { prune } from '../../operations/prune.ts';
import { remove } from '../../operations/remove.ts';
import { tag } from '../../operations/tag.ts';
import { emptyAnswer, jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { newName } from './new-name.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** `POST /images/{name}/tag`. */
export async function tagImage(exchange: Exchange): Promise<Answer> {
  const reference = newName(exchange);
  if (!reference) return emptyAnswer(200);
  await tag(exchange.desk.host, exchange.name, familiar(reference));
  return emptyAnswer(201);
}

/** `DELETE /images/{name}`. */
export async function deleteImage(exchange: Exchange): Promise<Answer> {
  const { desk, name, signal } = exchange;
  if (name.trim() === '') throw new ImageError('invalid-argument', 'image name cannot be blank');
  const removed = await remove(desk.host, name, {
    force: exchange.flag('force'),
    noPrune: exchange.flag('noprune'),
    platforms: exchange.platformJson(50, 'platforms'),
    signal,
  });
  return jsonAnswer(200, [
    ...removed.untagged.map((reference) => ({ Untagged: familiar(reference) })),
    ...removed.deleted.map((digest) => ({ Deleted: digest })),
  ]);
}

/** `POST /images/prune`. */
export async function pruneImages(exchange: Exchange): Promise<Answer> {
  const { desk, signal } = exchange;
  const filters = exchange.filters();
  const { images, bytes } = await oneAtATime(exchange, 'images', () => prune(desk.host, { filters, signal }));
  const rows = images.flatMap(({ untagged, deleted }) => [
    ...untagged.map((reference) => ({ Untagged: familiar(reference) })),
    { Deleted: deleted },
  ]);
  return jsonAnswer(200, { ImagesDeleted: rows.length > 0 ? rows : null, SpaceReclaimed: bytes });
}
