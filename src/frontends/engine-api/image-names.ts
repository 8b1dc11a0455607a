import { ImageError } from '../../errors.ts';
import { isDigest } from '../../model/digest.ts';
import { isTag, parseReference, withDefaultTag, type Reference } from '../../model/reference.ts';
import { familiar } from '../../model/reference.ts';
import { prune } from '../../operations/prune.ts';
import { remove } from '../../operations/remove.ts';
import { tag } from '../../operations/tag.ts';
import { emptyAnswer, jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** A name whose tag, or digest, comes apart from it: `fromImage=debian&tag=12`. What stands in the name gives way. @throws ImageError `invalid-reference`, with docker's texts */
export function joinReference(name: string, tagOrDigest: string | undefined): Reference {
  const reference = parseReference(name);
  if (tagOrDigest === undefined) return reference;
  const { registry, repository } = reference;
  if (isDigest(tagOrDigest)) return { registry, repository, digest: tagOrDigest };
  if (!isTag(tagOrDigest)) throw new ImageError('invalid-reference', 'invalid tag format');
  return { registry, repository, tag: tagOrDigest };
}

/** `repo=` and `tag=` of tag, import and commit; undefined where there is no repository. @throws ImageError `invalid-reference` */
export function newName(exchange: Exchange): Reference | undefined {
  const repo = exchange.text('repo');
  if (repo === undefined) return undefined;
  if (repo.includes('@')) throw new ImageError('invalid-reference', 'cannot import digest reference');
  return withDefaultTag(joinReference(repo, exchange.text('tag')));
}

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

/** @throws ImageError `conflict`, with docker's text, while the same prune of another client goes on */
export async function oneAtATime<T>({ desk }: Exchange, what: string, work: () => Promise<T>): Promise<T> {
  if (desk.pruning.has(what)) throw new ImageError('conflict', 'a prune operation is already running');
  desk.pruning.add(what);
  try {
    return await work();
  } finally {
    desk.pruning.delete(what);
  }
}
