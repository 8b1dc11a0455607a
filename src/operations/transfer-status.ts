import type { Progress } from '../io/operation.ts';
import { shortId } from '../model/digest.ts';
import { isImageConfigType, isManifestType } from '../model/media-types.ts';

/** A line of docker's progress: whose it is, what it says, and bytes where they are known. */
export interface TransferStatus {
  /** First twelve digits of the layer's digest. */
  readonly id: string;
  readonly status: string;
  readonly current?: number;
  readonly total?: number;
}

const words = {
  pull: {
    waiting: 'Pulling fs layer',
    copying: 'Downloading',
    exists: 'Already exists',
    done: 'Pull complete',
    mounted: 'Pull complete',
    skipped: 'Skipped foreign layer',
  },
  push: {
    waiting: 'Waiting',
    copying: 'Pushing',
    exists: 'Layer already exists',
    done: 'Pushed',
    mounted: 'Mounted from',
    skipped: 'Skipped foreign layer',
  },
  load: {
    waiting: 'Waiting',
    copying: 'Loading layer',
    exists: 'Layer already exists',
    done: 'Loaded',
    mounted: 'Loaded',
    skipped: 'Skipped foreign layer',
  },
} as const;

/**
 * What docker says of a piece of content on its way. Only layers have a line, and artifacts' blobs; manifests and configs have none.
 * The end of a pull is two lines, as docker's: `Download complete`, `Pull complete`.
 */
export function transferStatus(event: Progress, direction: keyof typeof words): readonly TransferStatus[] {
  const { target, state } = event;
  if (isManifestType(target.mediaType) || isImageConfigType(target.mediaType)) return [];
  const id = shortId(target.digest);
  const say = words[direction];
  switch (state) {
    case 'copying':
      return [{ id, status: say.copying, current: event.current ?? 0, total: target.size }];
    case 'retrying':
      return [{ id, status: `Retrying in ${Math.max(1, Math.ceil((event.delay ?? 1000) / 1000))} seconds` }];
    case 'mounted':
      return [{ id, status: direction === 'push' ? `${say.mounted} ${event.from ?? ''}`.trimEnd() : say.mounted }];
    case 'done':
      return direction === 'pull'
        ? [
            { id, status: 'Download complete' },
            { id, status: say.done },
          ]
        : [{ id, status: say.done }];
    default:
      return [{ id, status: say[state] }];
  }
}
