import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';

/** Docker's words for what a container is doing. */
export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

/** True for a container that has processes, stopped for the moment or not: its image cannot be taken from under it. */
export function isRunning(state: ContainerState): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}

/** One container, as the store keeps it. It holds the content of its image, whatever becomes of the image's names. */
export interface ContainerRecord {
  /** 64 hex digits. */
  readonly id: string;
  /** Without a slash before it; no two have the same. */
  readonly name: string;
  /** The image as it was asked for. */
  readonly image: string;
  /** What that meant: a manifest, or an index with its platforms. */
  readonly target: Descriptor;
  /** The platform's image that it stands on. */
  readonly manifest: Descriptor;
  /** The index that the target was chosen from, where one was. */
  readonly origin?: Descriptor;
  readonly state: ContainerState;
  readonly created: Date;
  /** Names of the volumes that it needs: none of them can be removed. */
  readonly volumes: readonly string[];
  /** What JSON can hold, of the room that containers belong to: no concern of the store's. */
  readonly document: unknown;
}

/** A new container: its content is given by digests, and must be here. */
export type NewContainer = Omit<ContainerRecord, 'target' | 'manifest' | 'origin'> & {
  readonly target: Pick<Descriptor, 'digest'>;
  readonly manifest: Pick<Descriptor, 'digest'>;
  readonly origin?: { readonly digest: Digest } | undefined;
};

export type ContainerChange = Partial<Pick<ContainerRecord, 'name' | 'state' | 'volumes' | 'document'>>;
