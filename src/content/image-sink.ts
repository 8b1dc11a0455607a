import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { Reference } from '../model/reference.ts';

export interface WriteOptions extends Operation {
  /** Where the same content is: lets a registry mount it and a folder link it. */
  readonly from?: Reference | undefined;
}

export interface TagOptions extends Operation {
  /** The index that the target was chosen from: what RepoDigests and "up to date" go by. */
  readonly origin?: Descriptor | undefined;
}

/**
 * A place images can be written to.
 *
 * What it `has` is complete: all that it names is there too, foreign layers and `subject` excepted. So a copy never looks below what is there,
 * and a sink never says yes to a manifest that it holds without its content.
 *
 * `write` takes a piece whole or not at all. It asks for the bytes itself, from the offset it already holds (a partial download, a half-done
 * upload), and may ask again after a failure; it never asks twice at once. It verifies what it keeps.
 */
export interface ImageSink {
  has(target: Descriptor, options?: Operation): Promise<boolean>;
  /** @throws ImageError `digest-mismatch`, `size-mismatch`, `incomplete` where a manifest names content that is not here */
  write(target: Descriptor, open: (offset: number) => Promise<AsyncIterable<Uint8Array>>, options?: WriteOptions): Promise<void>;
  /** Points a name at what is here: a tag in a repository, a reference elsewhere. Moves it silently where it pointed elsewhere. */
  tag(target: Descriptor, name: string, options?: TagOptions): Promise<void>;
}
