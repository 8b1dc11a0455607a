import type { Descriptor } from '../model/descriptor.ts';
import type { Digest } from '../model/digest.ts';
import type { Database } from './database.ts';

/** No image that any engine takes has more (Docker: 127; overlayfs: 500): one with more stands on nothing that we know of. */
const maxLayers = 1000;

/**
 * Within a transaction: records which layers an image stands on, in a forest that all images share (`chain`, `stack`). So its parents lie below it on one path,
 * and its children above, however many images there are.
 */
export function plantLayers(
  database: Database,
  manifest: Digest,
  diffIds: readonly Digest[],
  layers: readonly Pick<Descriptor, 'digest'>[],
): void {
  uprootLayers(database, manifest);
  if (diffIds.length === 0 || diffIds.length > maxLayers) return;
  const whole = layers.length === diffIds.length;
  let chain = 0;
  let stack = 0;
  diffIds.forEach((diffId, at) => {
    chain = nodeOf(database, 'chain', 'below, diff_id', chain, diffId);
    const blob = layers[at]?.digest;
    if (whole && blob !== undefined) stack = nodeOf(database, 'stack', 'below, chain, blob', stack, chain, blob);
  });
  database.run('INSERT INTO layered (manifest, chain, stack) VALUES (?, ?, ?)', manifest, chain, whole ? stack : null);
}

/** Within a transaction: takes an image out, with the layers that no other has. */
export function uprootLayers(database: Database, manifest: Digest): void {
  const row = database.get<{ chain: number; stack: number | null }>('SELECT chain, stack FROM layered WHERE manifest = ?', manifest);
  if (!row) return;
  database.run('DELETE FROM layered WHERE manifest = ?', manifest);
  if (row.stack !== null) prune(database, 'stack', row.stack);
  prune(database, 'chain', row.chain);
}

function nodeOf(database: Database, table: 'chain' | 'stack', columns: string, ...values: (number | string)[]): number {
  const where = columns.split(', ').map((column) => `${column} = ?`);
  const find = () => database.get<{ id: number }>(`SELECT id FROM ${table} WHERE ${where.join(' AND ')}`, ...values)?.id;
  const there = find();
  if (there !== undefined) return there;
  database.run(`INSERT INTO ${table} (${columns}) VALUES (${values.map(() => '?').join(', ')})`, ...values);
  return find() ?? 0;
}

/** From a leaf down, as long as nothing stands on it. */
function prune(database: Database, table: 'chain' | 'stack', leaf: number): void {
  for (let id = leaf; id !== 0;) {
    if (
      database.get(`SELECT 1 FROM layered WHERE ${table} = ?1 UNION ALL SELECT 1 FROM ${table} WHERE below = ?1 LIMIT 1`, id) ||
      (table === 'chain' && database.get('SELECT 1 FROM stack WHERE chain = ? LIMIT 1', id))
    )
      return;
    const below = database.get<{ below: number }>(`SELECT below FROM ${table} WHERE id = ?`, id)?.below ?? 0;
    database.run(`DELETE FROM ${table} WHERE id = ?`, id);
    id = below;
  }
}
