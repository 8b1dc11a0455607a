/**
 * Makes one file of chunks that are always loaded together. esbuild makes a chunk for every set of entries that share a module,
 * so a start reads forty files where a handful would do, and each costs half a millisecond.
 *
 * What is loaded together is said by profiles: files of src/ whose chunks a run of that kind loads at once. Chunks that belong to the
 * same profiles become one file. Whatever a chunk imports is in all the profiles that the chunk is in, so joined files never import
 * each other in a circle.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';

import { build, type BuildResult, type Plugin } from 'esbuild';

/** In so many profiles a chunk goes into one file with the others of its kind: they are small, and one more file costs more than reading all of them. */
const common = 4;
/** The same of what only some runs load: `early` is what nearly every run does. */
const most = 5;
const early = ['start', 'store', 'list'];

/** A file of dist/. */
export interface Output {
  readonly name: string;
  readonly text: string;
}

interface Chunk extends Output {
  /** Of src/, where it is an entry or is imported dynamically. */
  readonly entry: string | undefined;
  readonly exports: readonly string[];
  /** Chunks that are loaded with it. */
  readonly imports: readonly string[];
}

/**
 * @param result of a split build with `metafile` and without `write`
 * @param profiles by name, the files of src/ that such a run loads
 * @param fixed names of outputs that must stay files of their own
 */
export async function joinChunks(
  result: BuildResult<{ metafile: true; write: false }>,
  profiles: Readonly<Record<string, readonly string[]>>,
  fixed: ReadonlySet<string>,
): Promise<readonly Output[]> {
  const chunks = chunksOf(result);
  const groups = new Map<string, Chunk[]>();
  const memberships = membershipsOf(chunks, profiles);
  for (const chunk of chunks.values()) {
    const of = memberships.get(chunk.name);
    if (of === undefined || fixed.has(chunk.name)) continue;
    const isEarly = early.some((one) => of.includes(one));
    const name = of.length >= (isEarly ? common : most) ? (isEarly ? 'common' : 'most') : of.join('-');
    groups.set(name, [...(groups.get(name) ?? []), chunk]);
  }
  const joined: Output[] = [];
  const moved = new Map<string, string>();
  // Those in the most profiles import no others: the names of what a file imports must be known before it has one.
  const breadth = (name: string) => (name === 'common' ? 200 : name === 'most' ? 100 : name.split('-').length);
  for (const [name, members] of [...groups].toSorted(([a], [b]) => breadth(b) - breadth(a))) {
    const text = renamed(await join(members), moved);
    const output = { name: `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.js`, text };
    for (const member of members) moved.set(member.name, output.name);
    joined.push(output);
  }
  const left = [...chunks.values()].filter(({ name }) => !moved.has(name));
  // Once more, for what a file imports dynamically.
  const outputs = [...joined, ...left].map(({ name, text }) => ({ name, text: renamed(text, moved) }));
  checkLinks(outputs);
  return outputs;
}

/** What a file takes from another must be what that gives: two of one name that come together are no export of it, and esbuild does not say so. */
function checkLinks(outputs: readonly Output[]): void {
  const given = new Map(outputs.map(({ name, text }) => [name, new Set(namesIn(text, exportList, 'last'))]));
  for (const { name, text } of outputs)
    for (const [, file = ''] of text.matchAll(/^(?:import|export) \{[^}]*\} from "\.\/([\w.-]+)";/gm)) {
      const exported = given.get(file);
      const taken = namesIn(text, new RegExp(`^(?:import|export) \\{([^}]*)\\} from "\\./${file.replaceAll('.', '\\.')}";`, 'gm'), 'first');
      const lost = exported && taken.find((one) => !exported.has(one));
      if (!exported || lost !== undefined)
        throw new Error(`${name} takes ${lost} from ${file}, which does not give it: two exports may have that name; give one another`);
    }
}

const exportList = /^export \{([^}]*)\};/gm;

/** As esbuild prints them: `a,` or `a as b,` on lines of their own. */
function namesIn(text: string, list: RegExp, which: 'first' | 'last'): readonly string[] {
  return [...text.matchAll(list)].flatMap(([, names = '']) =>
    names
      .split(',')
      .map(
        (one) =>
          one
            .trim()
            .split(' as ')
            .at(which === 'first' ? 0 : -1) ?? '',
      )
      .filter((one) => one !== ''),
  );
}

function chunksOf({ metafile, outputFiles }: BuildResult<{ metafile: true; write: false }>): Map<string, Chunk> {
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  return new Map(
    Object.entries(metafile.outputs).map(([path, { entryPoint: entry, exports, imports }]) => {
      const name = basename(path);
      const loaded = imports.filter(({ kind, external }) => kind === 'import-statement' && !external);
      return [name, { name, text: texts.get(name) ?? '', entry, exports, imports: loaded.map((item) => basename(item.path)) }];
    }),
  );
}

/** The profiles of each chunk that is in any, in their order. */
function membershipsOf(chunks: ReadonlyMap<string, Chunk>, profiles: Readonly<Record<string, readonly string[]>>): Map<string, string[]> {
  const memberships = new Map<string, string[]>();
  for (const [profile, files] of Object.entries(profiles)) {
    const reach = (name: string): void => {
      const known = memberships.get(name) ?? [];
      if (known.includes(profile)) return;
      memberships.set(name, [...known, profile]);
      chunks.get(name)?.imports.forEach(reach);
    };
    for (const file of files) {
      const chunk = [...chunks.values()].find(({ entry }) => entry === file);
      if (!chunk) throw new Error(`${file} has no chunk of its own: nothing imports it dynamically`);
      reach(chunk.name);
    }
  }
  return memberships;
}

async function join(members: readonly Chunk[]): Promise<string> {
  const texts = new Map(members.map(({ name, text }) => [name, text]));
  const inside: Plugin = {
    name: 'inside',
    setup(context) {
      context.onResolve({ filter: /.*/ }, ({ path, kind }) =>
        kind === 'import-statement' && texts.has(basename(path)) ? { path: basename(path), namespace: 'chunk' } : { path, external: true },
      );
      context.onLoad({ filter: /.*/, namespace: 'chunk' }, ({ path }) => ({ contents: texts.get(path) ?? '' }));
    },
  };
  const { outputFiles } = await build({
    stdin: { contents: members.map(({ name }) => `export * from './${name}';`).join('\n') },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    write: false,
    outfile: 'joined.js',
    plugins: [inside],
    logLevel: 'warning',
  });
  const text = outputFiles[0]?.text ?? '';
  // What the file gives, not what its metafile says: two of one name are none, as they would be ambiguous, and are in that all the same.
  const given = new Set(namesIn(text, exportList, 'last'));
  const lost = members.flatMap(({ exports }) => exports).find((name) => !given.has(name));
  if (lost !== undefined) throw new Error(`several of the chunks that are loaded together export ${lost}: give one another name`);
  return text;
}

/** Chunks have names that nothing else has: where one stands in quotes, it is imported. */
function renamed(text: string, moved: ReadonlyMap<string, string>): string {
  return text.replaceAll(/"\.\/([\w.-]+\.js)"/g, (whole, name: string) => (moved.has(name) ? `"./${moved.get(name)}"` : whole));
}
