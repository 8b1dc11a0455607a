import { ImageError, isImageError } from '../errors.ts';
import { Slots, together, type Scope } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import { once } from '../io/once.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { isForeignLayerType, isIndexType, isManifestType } from '../model/media-types.ts';
import { maxManifestBytes, parseManifest } from '../model/manifest.ts';
import type { Reference } from '../model/reference.ts';
import { maxGraphBytes } from './content-graph.ts';
import type { ImageSink } from './image-sink.ts';
import type { ImageSource } from './image-source.ts';
import { counted } from './counted.ts';
import { checkDepth, maxDepth, successors } from './successors.ts';

export interface CopyOptions extends Operation {
  /** Which repository of the sink's registry holds a piece already, as far as the caller knows: a registry may mount it from there. */
  readonly from?: ((target: Descriptor) => Reference | undefined) | undefined;
  /** Also what refers to the copied manifests (signatures, SBOMs), and what refers to those. */
  readonly referrers?: boolean | undefined;
  /** Pieces moved at once. */
  readonly concurrency?: number | undefined;
}

/**
 * Moves what `root` names, children first: when it ends the sink has all of it, and at no time has the sink a manifest without its content.
 * What the sink has is not asked of the source. Each piece is moved once, however often it is named.
 * Names are not moved: `sink.tag` is the caller's last step.
 *
 * @throws ImageError of the first failure, after everything else has ended
 */
export async function copy(source: ImageSource, root: Descriptor, sink: ImageSink, options: CopyOptions = {}): Promise<void> {
  await together(options.signal, async (scope) => {
    const copying = new Copy(source, sink, options, scope);
    await copying.visit(root, 0);
    if (options.referrers) await copying.referrers();
  });
}

class Copy {
  readonly #source: ImageSource;
  readonly #sink: ImageSink;
  readonly #options: CopyOptions;
  readonly #scope: Scope;
  readonly #operation: Operation;
  readonly #slots: Slots;
  readonly #visits = new Map<string, Promise<void>>();
  /** Manifests whose referrers have not been asked for yet. */
  #subjects: Descriptor[] = [];
  /** Of all manifests that were read. */
  #bytes = 0;

  constructor(source: ImageSource, sink: ImageSink, options: CopyOptions, scope: Scope) {
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#scope = scope;
    this.#operation = { signal: scope.signal, onProgress: options.onProgress };
    this.#slots = new Slots(options.concurrency ?? 4);
  }

  visit(target: Descriptor, depth: number): Promise<void> {
    const key = keyOf(target);
    let visit = this.#visits.get(key);
    if (!visit) {
      visit = isManifestType(target.mediaType) ? this.#manifest(target, depth) : this.#slots.run(() => this.#blob(target));
      this.#visits.set(key, visit);
    }
    return visit;
  }

  /**
   * What refers to all that was visited, and what refers to that. Never asked for within a visit: digests leave no room for a circle of what contains what,
   * but a registry may name anything as a referrer, the index that is being visited too, and that visit would wait for itself.
   */
  async referrers(): Promise<void> {
    for (let round = 0; this.#source.referrers && this.#subjects.length > 0; round++) {
      if (round > maxDepth)
        throw new ImageError('invalid-content', `what refers to ${this.#subjects[0]?.digest} is chained more than ${maxDepth} long`);
      const subjects = this.#subjects;
      this.#subjects = [];
      await this.#scope.all(
        subjects.map(async (subject) => {
          const referrers = await this.#slots.run(async () => {
            this.#scope.signal.throwIfAborted();
            return this.#source.referrers?.(subject, undefined, this.#operation);
          });
          await this.#scope.all((referrers ?? []).map((referrer) => this.visit(referrer, 0)));
        }),
      );
    }
  }

  async #manifest(target: Descriptor, depth: number): Promise<void> {
    checkDepth(target, depth);
    if (this.#options.referrers) this.#subjects.push(target);
    const isThere = await this.#slots.run(async () => {
      this.#scope.signal.throwIfAborted();
      return this.#sink.has(target, this.#operation);
    });
    if (isThere) {
      this.#report(target, 'exists');
      // The sink needs nothing of it; but what refers to its manifests may be missing.
      if (this.#options.referrers && isIndexType(target.mediaType)) {
        const below = successors(parseManifest(await this.#read(target), target.mediaType));
        await this.#scope.all(below.filter(({ mediaType }) => isManifestType(mediaType)).map((child) => this.visit(child, depth + 1)));
      }
      return;
    }
    const bytes = await this.#read(target);
    const children = [...new Map(successors(parseManifest(bytes, target.mediaType)).map((child) => [keyOf(child), child])).values()];
    for (const child of children) if (!this.#visits.has(keyOf(child))) this.#report(child, 'waiting');
    // The largest first: nothing is waited for longer than for the one that begins last.
    const order = children.toSorted((one, other) => other.size - one.size);
    await this.#scope.all(order.map((child) => this.visit(child, depth + 1)));
    await this.#slots.run(() => this.#sink.write(target, async (offset) => once(bytes.subarray(offset)), this.#operation));
    this.#report(target, 'done');
  }

  /** Kept until its children are there: all of them together have a bound. */
  #read(target: Descriptor): Promise<Buffer> {
    return this.#slots.run(() => {
      if ((this.#bytes += target.size) > maxGraphBytes)
        throw new ImageError('too-large', `its manifests are larger than ${maxGraphBytes} bytes together`);
      return readVerified(() => this.#source.open(target, this.#operation), target, maxManifestBytes);
    });
  }

  async #blob(target: Descriptor): Promise<void> {
    this.#scope.signal.throwIfAborted();
    if (await this.#sink.has(target, this.#operation)) return this.#report(target, 'exists');
    let mounted = false;
    const options = {
      from: this.#options.from?.(target),
      signal: this.#scope.signal,
      onProgress: (event: Parameters<NonNullable<Operation['onProgress']>>[0]) => {
        if (event.state === 'mounted') mounted = true;
        this.#options.onProgress?.(event);
      },
    };
    try {
      await this.#sink.write(
        target,
        async (offset) =>
          counted(await this.#source.open(target, { ...this.#operation, offset }), target, offset, this.#options.onProgress),
        options,
      );
    } catch (error) {
      // A foreign layer's publisher may have withdrawn it: its manifest is complete without it (image-spec layer.md, "Non-Distributable Layers").
      if (isForeignLayerType(target.mediaType) && isImageError(error, 'blob-unknown', 'not-found')) return this.#report(target, 'skipped');
      throw error;
    }
    if (!mounted) this.#report(target, 'done');
  }

  #report(target: Descriptor, state: 'waiting' | 'exists' | 'skipped' | 'done'): void {
    this.#options.onProgress?.({ target, state });
  }
}

/** Each piece is moved once; bytes that are a manifest here and a blob there are two pieces to most places. */
function keyOf({ digest, mediaType }: Descriptor): string {
  return isManifestType(mediaType) ? `${digest} manifest` : digest;
}
