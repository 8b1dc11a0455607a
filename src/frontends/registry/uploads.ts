import { ImageError } from '../../errors.ts';
import type { Repository, Upload } from '../../content/repository.ts';
import type { DigestAlgorithm } from '../../model/digest.ts';
import { repositoryKey } from './local-name.ts';

/** Sessions whose hash is at hand; one more drops the least lately used, which then only costs reading its bytes again. */
const maxLive = 1024;

interface Session {
  upload: Upload;
  busy: boolean;
}

/**
 * The uploads this process has at hand: an `Upload` that stays the same object from POST to PUT keeps its running hash, so nothing is read twice.
 * None of it is needed: what another process began, or this one before it was started again, is opened by its id.
 *
 * One request at a time writes to an upload. A second one is refused like a chunk out of order: the client asks for the status and goes on from there.
 */
export class Uploads {
  readonly #live = new Map<string, Session>();

  async begin(repository: Repository, algorithm: DigestAlgorithm | undefined): Promise<Upload> {
    const upload = await repository.upload(undefined, algorithm === undefined ? {} : { algorithm });
    this.#keep(key(repository, upload.id), { upload, busy: false });
    return upload;
  }

  /** The upload as it is now, for its status. @throws ImageError `upload-unknown` */
  async look(repository: Repository, id: string): Promise<Upload> {
    const session = this.#live.get(key(repository, id));
    return session?.busy ? session.upload : repository.upload(checked(id));
  }

  /** Writes to an upload, alone. @throws ImageError `upload-unknown`; `range-invalid` where another request is writing */
  async write<T>(repository: Repository, id: string, work: (upload: Upload) => Promise<T>): Promise<T> {
    const at = key(repository, id);
    let session = this.#live.get(at);
    if (!session) {
      const upload = await repository.upload(checked(id));
      session = this.#live.get(at) ?? { upload, busy: false };
      this.#keep(at, session);
    }
    if (session.busy)
      throw new ImageError('range-invalid', `another request is writing to upload ${id}`, {
        hint: 'Ask for its status, and go on from there.',
        detail: { offset: session.upload.offset },
      });
    session.busy = true;
    try {
      return await work(session.upload);
    } finally {
      session.busy = false;
    }
  }

  forget(repository: Repository, id: string): void {
    this.#live.delete(key(repository, id));
  }

  #keep(at: string, session: Session): void {
    this.#live.delete(at);
    this.#live.set(at, session);
    if (this.#live.size <= maxLive) return;
    for (const [oldest, { busy }] of this.#live) {
      if (busy) continue;
      this.#live.delete(oldest);
      return;
    }
  }
}

function key(repository: Repository, id: string): string {
  return `${repositoryKey(repository.reference)}\n${id}`;
}

/** An id is ours: letters, digits, hyphens. Anything else was never one, and goes no further. */
function checked(id: string): string {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id))
    throw new ImageError('upload-unknown', `no upload ${JSON.stringify(id.slice(0, 160))} in this repository`);
  return id;
}
