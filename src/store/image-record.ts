import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Platform } from '../model/platform.ts';
import type { Reference } from '../model/reference.ts';

/** A name and what it points at. A name has a tag, or it is a repository with a digest (what was pulled by digest). */
export interface ImageName {
  readonly reference: Reference;
  readonly target: Descriptor;
  /** The index that the target was chosen from, where one was; its bytes are kept, its other platforms need not be here. */
  readonly origin?: Descriptor;
  readonly tagged: Date;
}

/** One platform's image that is here, as a list needs it; read from the database alone. */
export interface PlatformRecord {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  /** As the index's entry says it, else the config. */
  readonly platform?: Platform;
  /** As the config says it: RFC 3339, not judged. */
  readonly created?: string;
  /** Packed bytes: manifest, config and each distinct layer once. */
  readonly size: number;
  /** What those of its layers that have been laid out here take beside that; other images may share them. Read when it is first asked for. */
  readonly unpacked: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly diffIds: readonly Digest[];
  readonly layers: readonly Descriptor[];
}

/** One image of the store: what a name points at, or once did (dangling). */
export interface ImageRecord {
  readonly target: Descriptor;
  /** In plain ASCII order; empty for a dangling image. */
  readonly names: readonly ImageName[];
  /** `debian@sha256:…` for each repository: the digest is the origin's where there is one. */
  readonly repoDigests: readonly string[];
  /** The images in it that are here, in the index's order. Empty for an artifact, and for what another tool left incomplete. */
  readonly platforms: readonly PlatformRecord[];
  /** What the disk holds for it, in bytes, whoever else shares it: all of it that is here packed, each piece once, and its layers that are laid out. Read when it is first asked for. */
  readonly size: number;
  /** Of that, its layers that are laid out. */
  readonly unpacked: number;
  /** For an artifact: what it says it is, else its config's media type. */
  readonly artifactType?: string;
  /** When it was first named here. */
  readonly added: Date;
}

/** What a text that a user typed means. */
export interface FoundImage {
  /** A name's target; else the manifest or index that a digest or id belongs to, a platform's manifest inside an index included. */
  readonly target: Descriptor;
  /** The image of `images()` that it is or is in; `target` again where no image has it: a manifest that only a repository shows. */
  readonly root: Descriptor;
  /** Where the text was a name. */
  readonly name?: ImageName;
  readonly by: 'name' | 'digest' | 'id';
}
