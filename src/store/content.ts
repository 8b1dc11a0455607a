import { ImageError } from '../errors.ts';
import { successors } from '../content/successors.ts';
import type { Operation } from '../io/operation.ts';
import { removeFile } from '../io/remove-file.ts';
import { readVerified } from '../io/verified.ts';
import { once } from '../io/once.ts';
import { maxConfigBytes } from '../model/config.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { digestAlgorithm } from '../model/digest.ts';
import { maxManifestBytes, parseManifest, type Index, type Manifest } from '../model/manifest.ts';
import { isForeignLayerType, isImageConfigType, isManifestType } from '../model/media-types.ts';
import { blobState, type Blobs } from './blobs.ts';
import type { Database, Transaction } from './database.ts';
import { DraftFile } from './draft-file.ts';
import { privateDraft } from './drafts.ts';
import { insertManifest, insertSummary, parseConfigIfValid, summarize } from './manifests.ts';

/** A manifest that has been verified and parsed, and waits in a sealed draft for its transaction. */
export interface ReadyManifest {
  readonly target: Descriptor;
  readonly document: Manifest | Index;
  /** Within a transaction: the file and its rows. */
  keep(transaction: Transaction): void;
  /** After it: what was not kept goes. */
  end(): Promise<void>;
}

/** Reads a manifest from where it comes from, and makes ready what a transaction needs. @throws ImageError as `readVerified` and `parseManifest` */
export async function readyManifest(
  database: Database,
  blobs: Blobs,
  target: Descriptor,
  open: () => Promise<AsyncIterable<Uint8Array>>,
  operation: Operation,
): Promise<ReadyManifest> {
  const bytes = await readVerified(open, target, maxManifestBytes);
  const document = parseManifest(bytes, target.mediaType);
  const draft = await writePrivate(database, target, bytes);
  const config = document.kind === 'manifest' && isImageConfigType(document.config.mediaType) ? document.config : undefined;
  const summary =
    config && document.kind === 'manifest' ? summarize(target, document, await readConfig(blobs, config, operation)) : undefined;
  return {
    target,
    document,
    keep(transaction) {
      blobs.keep(transaction, draft, target.digest, target.size);
      insertManifest(database, target, document);
      if (config && summary) insertSummary(database, target, config, summary);
    },
    async end() {
      await removeFile(draft);
    },
  };
}

/**
 * Within a transaction: that all which a manifest needs is here, and `visible` says yes to it, foreign layers excepted.
 * @throws ImageError `incomplete`; `size-mismatch` where it lies about the size of what is here
 */
export function requireChildren(
  blobs: Blobs,
  target: Descriptor,
  document: Manifest | Index,
  visible: (child: Descriptor) => boolean = () => true,
): void {
  // An index may list one manifest thousands of times; all below it is walked once.
  const known = new Map<string, boolean>();
  const complete = (child: Descriptor): boolean => {
    const key = `${child.digest} ${child.mediaType}`;
    const answer = known.get(key) ?? (!isManifestType(child.mediaType) || blobs.complete(child));
    known.set(key, answer);
    return answer;
  };
  for (const child of successors(document)) {
    const row = blobs.row(child.digest);
    const here = row !== undefined && row.state !== blobState.damaged && complete(child) && visible(child);
    if (here && row.size !== child.size)
      throw new ImageError('size-mismatch', `${target.digest} says that ${child.digest} has ${child.size} bytes; it has ${row.size}`, {
        detail: { digest: child.digest },
      });
    if (!here && !isForeignLayerType(child.mediaType))
      throw new ImageError('incomplete', `${target.digest} names ${child.digest}, which is not here`, {
        detail: { digest: target.digest, missing: child.digest, mediaType: child.mediaType },
      });
  }
}

/** Keeps bytes that are in memory in a sealed draft of their own. */
async function writePrivate(database: Database, target: Descriptor, bytes: Uint8Array): Promise<string> {
  const draft = await DraftFile.create(privateDraft(database), digestAlgorithm(target.digest));
  try {
    await draft.append(once(bytes), bytes.length);
  } catch (error) {
    await draft.drop();
    throw error;
  }
  await draft.seal();
  database.at('draft');
  return draft.path;
}

async function readConfig(blobs: Blobs, config: Descriptor, operation: Operation) {
  const row = blobs.row(config.digest);
  if (!row || row.state === blobState.damaged || row.size > maxConfigBytes) return undefined;
  return parseConfigIfValid(await blobs.read(config, maxConfigBytes, operation));
}
