import { createdAt } from '../../operations/image-filter.ts';
import { list, shownPlatform } from '../../operations/list.ts';
import { familiar } from '../../model/reference.ts';
import type { Digest } from '../../model/digest.ts';
import type { ImageStore } from '../../store/image-store.ts';
import type { ImageRecord } from '../../store/image-record.ts';
import { jsonBytesAnswer, type Answer } from './answer.ts';
import type { ApiVersion } from './api-version.ts';
import type { Exchange } from './exchange.ts';
import { manifestSummaries } from './manifest-summaries.ts';

/** `GET /images/json`. Made once for as long as nothing changes. */
export async function listImages(exchange: Exchange): Promise<Answer> {
  const { desk, version } = exchange;
  const withShared = version >= 42 && exchange.flag('shared-size');
  const withManifests = version >= 47 && exchange.flag('manifests');
  const all = exchange.flag('all');
  const filters = [...exchange.filters()];
  // Before filters there was one, of names.
  const pattern = exchange.text('filter');
  if (pattern !== undefined && version < 41) filters.push({ key: 'reference', value: pattern });
  const question = JSON.stringify(['images', version, withShared, withManifests, all, filters]);
  const json = await desk.lists.get(question, async () => {
    const images = await list(desk.host, { filters, all });
    const shared = withShared ? await sharedSizes(exchange) : undefined;
    const relations = await imageRelations(desk.host.store);
    return Promise.all(
      images.map(async (image) => ({
        ...imageRow(image, version, relations),
        ...(shared ? { SharedSize: shared.get(image.target.digest) ?? 0 } : {}),
        ...(withManifests ? { Manifests: await manifestSummaries(desk.host.store, image, relations.users) } : {}),
      })),
    );
  });
  return jsonBytesAnswer(200, json);
}

/** Bytes that another image has too, by the image's digest. */
async function sharedSizes({ desk }: Exchange): Promise<ReadonlyMap<string, number>> {
  const { images } = await desk.host.store.usage();
  return new Map(images.map(({ target, shared }) => [target, shared]));
}

/** What images have to do with other things here. */
export interface ImageRelations {
  /** What an image was made from, where that is recorded or proved. */
  readonly parents: ReadonlyMap<Digest, Digest>;
  /** Ids of the containers that stand on an image or on one platform of it, by either's digest. */
  readonly users: ReadonlyMap<Digest, readonly string[]>;
}

export async function imageRelations(store: Pick<ImageStore, 'forest' | 'containers'>): Promise<ImageRelations> {
  // What only documents claim is no parent to go by.
  const sure = [...(await store.forest()).first].filter(([, { how }]) => how !== 'claimed');
  const users = new Map<Digest, string[]>();
  for (const { id, target, manifest } of await store.containers())
    for (const digest of new Set([target.digest, manifest.digest])) users.set(digest, [...(users.get(digest) ?? []), id]);
  return { parents: new Map(sure.map(([image, parent]) => [image, parent.image])), users };
}

/** A row of the list, in the shape of the version. Names are familiar: docker 29 prints them as they come. */
export function imageRow(image: ImageRecord, version: ApiVersion, { parents, users }: ImageRelations): Record<string, unknown> {
  const shown = shownPlatform(image);
  const labels = shown?.labels ?? {};
  const { size } = image;
  const tags = image.names.filter(({ reference }) => reference.tag !== undefined).map(({ reference }) => familiar(reference));
  const digests = image.repoDigests;
  const empty = version < 43;
  return {
    // Before 1.51 nobody counted.
    Containers: version >= 51 ? (users.get(image.target.digest)?.length ?? 0) : -1,
    Created: Math.floor(createdAt(image) / 1000),
    Id: image.target.digest,
    Labels: Object.keys(labels).length > 0 ? labels : null,
    ParentId: parents.get(image.target.digest) ?? '',
    ...(version >= 48 ? { Descriptor: image.target } : {}),
    RepoDigests: empty && digests.length === 0 ? ['<none>@<none>'] : digests,
    RepoTags: empty && tags.length === 0 ? ['<none>:<none>'] : tags,
    SharedSize: -1,
    Size: size,
    ...(version < 44 ? { VirtualSize: size } : {}),
  };
}
