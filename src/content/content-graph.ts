import { ImageError, isImageError } from '../errors.ts';
import { Slots, together, type Scope } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { readVerified } from '../io/verified.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { isForeignLayerType, isManifestType } from '../model/media-types.ts';
import { maxManifestBytes, parseManifest, type Index, type Manifest } from '../model/manifest.ts';
import type { ImageSource } from './image-source.ts';
import { checkDepth, successors } from './successors.ts';

interface Node {
  readonly target: Descriptor;
  /** Undefined for a blob, and for a manifest that is not there. */
  readonly document: Manifest | Index | undefined;
  /** It is there, and so is all below it but foreign layers. */
  readonly isWhole: boolean;
  readonly isThere: boolean;
}

/** Of all manifests together: a hundred thousand images have as much. A small packed archive can be made to have far more. */
export const maxGraphBytes = 128 * 1024 * 1024;

/**
 * What roots reach in a place, and what of it is there. Places that promise completeness need none of this; it is for those that cannot:
 * an archive that somebody cut down to one platform, a store of which all of an index is asked.
 */
export class ContentGraph {
  readonly #nodes: ReadonlyMap<string, Node>;

  private constructor(nodes: ReadonlyMap<string, Node>) {
    this.#nodes = nodes;
  }

  /**
   * Reads and verifies every manifest once, and asks for every blob once.
   * @param has of a blob: a manifest is there where it can be opened
   * @throws ImageError `invalid-content`, `digest-mismatch` for a manifest that does not hold; absence is no error
   */
  static async walk(
    source: Pick<ImageSource, 'open'>,
    has: (blob: Descriptor, operation: Operation) => Promise<boolean>,
    roots: readonly Descriptor[],
    operation: Operation = {},
  ): Promise<ContentGraph> {
    const nodes = new Map<string, Promise<Node>>();
    const slots = new Slots(6);
    let total = 0;
    const visit = (target: Descriptor, depth: number, scope: Scope): Promise<Node> => {
      let node = nodes.get(key(target));
      if (!node) nodes.set(key(target), (node = make(target, depth, scope)));
      return node;
    };
    const make = async (target: Descriptor, depth: number, scope: Scope): Promise<Node> => {
      checkDepth(target, depth);
      if (!isManifestType(target.mediaType)) {
        const isThere = await slots.run(() => has(target, { signal: scope.signal }));
        return { target, document: undefined, isThere, isWhole: isThere || isForeignLayerType(target.mediaType) };
      }
      if ((total += target.size) > maxGraphBytes)
        throw new ImageError('too-large', `its manifests are larger than ${maxGraphBytes} bytes together`);
      const document = await slots.run(() => readPresent(source, target, { signal: scope.signal }));
      const children = document ? await scope.all(successors(document).map((child) => visit(child, depth + 1, scope))) : [];
      return {
        target,
        document,
        isThere: document !== undefined,
        isWhole: document !== undefined && children.every(({ isWhole }) => isWhole),
      };
    };
    return together(operation.signal, async (scope) => {
      await scope.all(roots.map((root) => visit(root, 0, scope)));
      return new ContentGraph(new Map((await Promise.all(nodes.values())).map((node) => [key(node.target), node])));
    });
  }

  /** All that a root reaches and that is there, itself first; each descriptor once. */
  reachable(root: Descriptor): readonly { readonly target: Descriptor; readonly document: Manifest | Index | undefined }[] {
    return this.#collect(root, (node) => node).filter(({ isThere }) => isThere);
  }

  /** What is named at or below a root and is not there, and that it needs. */
  missing(root: Descriptor): readonly Descriptor[] {
    return this.#collect(root, (node) => node).flatMap(({ isThere, isWhole, target }) => (isThere || isWhole ? [] : [target]));
  }

  /** The largest manifests at or below a root that are whole: the root itself, or what is left of it. */
  whole(root: Descriptor): readonly Descriptor[] {
    return this.#collect(root, (node) => (node.isWhole ? undefined : node)).flatMap(({ isWhole, document, target }) =>
      isWhole && document ? [target] : [],
    );
  }

  /** Nodes at and below a root, each once; below those only that `into` gives back. */
  #collect(root: Descriptor, into: (node: Node) => Node | undefined): readonly Node[] {
    const found = new Map<string, Node>();
    const waiting = [root];
    for (let target = waiting.pop(); target; target = waiting.pop()) {
      const node = this.#nodes.get(key(target));
      if (!node || found.has(key(target))) continue;
      found.set(key(target), node);
      const document = into(node)?.document;
      if (document) waiting.push(...successors(document).toReversed());
    }
    return [...found.values()];
  }
}

/** The same bytes named as a layer here and as a manifest there are two things to look at. */
function key({ mediaType, digest, size }: Descriptor): string {
  return `${digest} ${size} ${mediaType}`;
}

async function readPresent(
  source: Pick<ImageSource, 'open'>,
  target: Descriptor,
  operation: Operation,
): Promise<Manifest | Index | undefined> {
  try {
    return parseManifest(await readVerified(() => source.open(target, operation), target, maxManifestBytes), target.mediaType);
  } catch (error) {
    if (isImageError(error, 'blob-unknown', 'manifest-unknown', 'not-found')) return undefined;
    throw error;
  }
}
