import { ImageError, isImageError } from '../errors.ts';
import type { Descriptor } from '../model/descriptor.ts';
import { isDigest, type Digest } from '../model/digest.ts';
import { familiar, parseReference, repositoryName, withDefaultTag, type Reference } from '../model/reference.ts';
import type { Database } from './database.ts';
import type { FoundImage } from './image-record.ts';
import { shows } from './links.ts';
import { nameKey } from './name-key.ts';
import { getName, nameOf, type NameRow } from './names.ts';

/**
 * What a user means by a text, as docker reads it: a name (`latest` where it has no tag), else a digest or the beginning of an id.
 * Fewer than four digits begin no id, as in docker: `db` and `be` are names, and a pull is to bring them, not whatever image begins so.
 * An id is the digest of an image of the list, of one platform's manifest in it, of its config, or of the index that it was chosen from.
 * @throws ImageError `not-found`, `ambiguous`, `invalid-reference`
 */
export function findImage(database: Database, text: string): FoundImage {
  const prefix = /^(?:(sha256|sha512):)?([0-9a-f]{4,128})$/.exec(text);
  let reference: Reference | undefined;
  let refusal: unknown;
  try {
    reference = parseReference(text);
  } catch (error) {
    if (!isImageError(error, 'invalid-reference')) throw error;
    refusal = error;
  }
  const named = reference ? byName(database, reference) : byAlias(database, text);
  if (named) return named;
  if (prefix) {
    const [, algorithm, hex = ''] = prefix;
    const found = byId(database, algorithm, hex, text);
    if (found) return found;
  }
  if (!reference && !prefix) throw refusal;
  const shown = reference && !isDigest(text) ? familiar(withDefaultTag(reference)) : text;
  throw new ImageError('not-found', `No such image: ${shown}`, { detail: { name: text } });
}

function byName(database: Database, reference: Reference): FoundImage | undefined {
  const { repo, tag } = nameKey(withDefaultTag(reference));
  const row = getName(database, repo, tag);
  if (row) return fromName(row);
  const { digest } = reference;
  if (digest === undefined) return undefined;
  // A digest of this repository: a name's target or origin, what is inside one, or what was pushed by its digest.
  const exact = database.get<NameRow>(
    'SELECT * FROM name WHERE repo = ?1 AND (target = ?2 OR origin = ?2) ORDER BY target <> ?2, tag LIMIT 1',
    repositoryName(reference),
    digest,
  );
  if (exact) return { ...fromName(exact), by: 'digest' };
  if (!shows(database, repositoryName(reference), digest)) return undefined;
  const target = manifestOf(database, digest);
  return target ? { target, root: rootOf(database, target), by: 'digest' } : undefined;
}

/** A name that another tool gave, and that is no reference. */
function byAlias(database: Database, text: string): FoundImage | undefined {
  const row = database.get<{ digest: Digest; mediaType: string; size: number }>(
    'SELECT image.digest, image.media_type AS mediaType, image.size FROM alias JOIN image ON image.digest = alias.target WHERE typed = ? AND alias.repo IS NULL',
    text,
  );
  return row ? { target: { ...row }, root: { ...row }, by: 'name' } : undefined;
}

function fromName(row: NameRow): FoundImage {
  const name = nameOf(row);
  return { target: name.target, root: name.target, name, by: 'name' };
}

function byId(database: Database, algorithm: string | undefined, hex: string, text: string): FoundImage | undefined {
  const found = new Map<Digest, { target: Descriptor; root: Descriptor; config: Digest | undefined; rank: number }>();
  const consider = (digest: Digest) => {
    const target = manifestOf(database, digest) ?? imageOf(database, digest);
    if (!target) return;
    const root = rootOf(database, target);
    const listed = imageOf(database, root.digest) !== undefined;
    const linked =
      listed || database.get('SELECT 1 FROM link WHERE digest = ? AND hidden = 0 AND until IS NULL LIMIT 1', root.digest) !== undefined;
    if (!linked) return;
    const config = database.get<{ config: Digest }>('SELECT config FROM summary WHERE digest = ?', digest)?.config;
    found.set(digest, { target, root, config, rank: root.digest === digest && listed ? 0 : listed ? 1 : 2 });
  };
  for (const kind of algorithm === undefined ? ['sha256', 'sha512'] : [algorithm]) {
    const [from, to] = [`${kind}:${hex}`, `${kind}:${hex}g`];
    // A name's origin stands for the name's target.
    for (const { target } of database.all<{ target: Digest }>(
      'SELECT DISTINCT target FROM name WHERE origin >= ? AND origin < ?',
      from,
      to,
    ))
      consider(target);
    for (const table of ['manifest', 'image'])
      for (const { digest } of database.all<{ digest: Digest }>(
        `SELECT digest FROM ${table} WHERE digest >= ? AND digest < ? LIMIT 100`,
        from,
        to,
      ))
        consider(digest);
    for (const { digest } of database.all<{ digest: Digest }>(
      'SELECT digest FROM summary WHERE config >= ? AND config < ? LIMIT 100',
      from,
      to,
    ))
      consider(digest);
  }
  const all = [...found.values()].sort((left, right) => left.rank - right.rank);
  const [best] = all;
  if (!best) return undefined;
  // One whole digest, and two packings of one image, leave no doubt; what only a repository shows yields to what is in the list.
  const others = all.filter(
    ({ target, config, rank }) =>
      target.digest !== best.target.digest && (config === undefined || config !== best.config) && (rank < 2 || best.rank === 2),
  );
  if (others.length > 0 && !isDigest(algorithm === undefined ? `sha256:${hex}` : `${algorithm}:${hex}`))
    throw new ImageError(
      'ambiguous',
      `ambiguous image id ${text}: it begins ${all
        .map(({ target }) => target.digest.slice(0, 26))
        .slice(0, 5)
        .join(', ')}`,
      {
        hint: 'Write more of the id.',
        detail: { id: text, matches: all.map(({ target }) => target.digest) },
      },
    );
  return { target: best.target, root: best.root, by: 'id' };
}

function manifestOf(database: Database, digest: Digest): Descriptor | undefined {
  return first(
    database,

    'SELECT media_type AS mediaType, manifest.digest, manifest.size FROM manifest JOIN blob ON blob.digest = manifest.digest WHERE manifest.digest = ?',
    digest,
  );
}

function imageOf(database: Database, digest: Digest): Descriptor | undefined {
  return first(database, 'SELECT media_type AS mediaType, digest, size FROM image WHERE digest = ?', digest);
}

/** The image of the list that it is or is in; named ones first. */
function rootOf(database: Database, target: Descriptor): Descriptor {
  return (
    imageOf(database, target.digest) ??
    first(
      database,
      `WITH RECURSIVE up (digest) AS (VALUES (?) UNION SELECT edge.parent FROM up JOIN edge ON edge.child = up.digest AND edge.kind = 0)
       SELECT media_type AS mediaType, image.digest, image.size FROM up JOIN image ON image.digest = up.digest
       ORDER BY NOT EXISTS (SELECT 1 FROM name WHERE name.target = image.digest), image.added, image.digest LIMIT 1`,
      target.digest,
    ) ??
    target
  );
}

/** The first row of columns `mediaType`, `digest` and `size`, as an object like any other. */
function first(database: Database, sql: string, digest: Digest): Descriptor | undefined {
  const row = database.get<Descriptor>(sql, digest);
  return row && { mediaType: row.mediaType, digest: row.digest, size: row.size };
}
