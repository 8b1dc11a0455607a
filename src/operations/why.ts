import type { Digest } from '../model/digest.ts';
import { familiarName } from '../model/reference.ts';
import type { Users } from '../store/users.ts';
import type { Host } from './host.ts';
import { imageTree, type TreeNode } from './image-tree.ts';
import { wayOut } from './remove.ts';
import { nameReference } from '../store/name-key.ts';

export interface Why {
  /** The image first, then all that needs it, and what needs that: images that were made from it, with their names and containers. */
  readonly nodes: readonly TreeNode[];
  /** Repositories that show it though no name of them points at it: what was pushed by its digest. */
  readonly repositories: readonly string[];
  /** Images of the list that have it in themselves: an index its platforms. */
  readonly listedBy: readonly Digest[];
  /** Work under way that relies on it: pulls, pushes, loads. */
  readonly work: number;
  /** What a removal would be refused for. */
  readonly blockedBy: Users;
  /** The flags of `rmi` with which it would go all the same, with all that is in the way. */
  readonly flags: readonly string[];
}

/** What needs an image: its names, containers in any state, and images that were made from it, down to the last. @throws ImageError `not-found`, `ambiguous` */
export async function why(host: Pick<Host, 'store'>, name: string): Promise<Why> {
  const { store } = host;
  const found = await store.find(name);
  const { target, root } = found;
  const nodes = await imageTree(host, root.digest);
  const holders = await store.holders(target.digest);
  const named = new Set((nodes[0]?.image?.names ?? []).map(({ reference }) => familiarName(reference)));
  const repositories = holders.filter(({ kind }) => kind === 'link').map(({ id }) => familiarName(nameReference(id, '')));
  const around = holders
    .filter(({ kind, path }) => (kind === 'image' || kind === 'name') && path.length > 1)
    .map(({ path }) => path[0] as Digest);
  const blockedBy = (await store.users([root.digest])).get(root.digest) ?? { containers: [], children: [] };
  const isBlocked = blockedBy.containers.length + blockedBy.children.length > 0;
  return {
    nodes,
    repositories: [...new Set(repositories)].filter((repository) => !named.has(repository)),
    listedBy: [...new Set(around)],
    work: new Set(holders.filter(({ kind }) => kind === 'lease').map(({ id }) => id)).size,
    blockedBy,
    flags: isBlocked ? (await wayOut(host, found, blockedBy)).flags : [],
  };
}
