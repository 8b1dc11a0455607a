/**
 * The walls between the rooms of src/: who may import whom, as docs/architecture.md says it.
 *
 * Imports are read by pattern, not by a compiler: the formatter keeps statements in one shape, and where the pattern
 * errs (an import written in a comment) it reports too much, never too little. Types are held like values: what a room
 * may not know it may not name.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

const model = ['model'];
const io = ['io', ...model];
const layers = ['formats', ...io];
const content = layers;
const place = ['content', ...content];
const store = ['layers', ...place];
const belowOperations = ['containers', 'store', 'remote', 'catalog', 'trust', 'runtime', 'content', 'layers', 'formats', 'io', 'model'];
const frontend = ['operations', ...belowOperations];

/** Which rooms each room may import; itself, errors.ts and version.ts always. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  model: [],
  io: model,
  formats: ['io'],
  layers,
  content,
  runtime: io,
  remote: place,
  trust: place,
  catalog: ['remote', ...place],
  store,
  containers: ['store', ...store],
  operations: belowOperations,
  'frontends/cli': frontend,
  'frontends/engine-api': frontend,
  'frontends/cmdlets': frontend,
  'frontends/registry': frontend,
  'frontends/web': [],
  index: frontend,
};

const everyone: ReadonlySet<string> = new Set(['errors', 'version']);

/** Names that say nothing about what is inside. */
const emptyNames = /^(utils?|common|helpers?|shared|misc|lib|types)$/;

/** One sentence for each breach, empty if the walls hold. `root` is the folder that src/ is in. */
export function breaches(root: string): string[] {
  const files = globSync('src/**/*.ts', { cwd: root })
    .map((file) => file.split(sep).join('/'))
    .toSorted();
  const found: string[] = [];
  const edges = new Map<string, Map<string, string>>();
  for (const file of files) {
    const room = roomOf(file);
    const text = readFileSync(join(root, file), 'utf8');
    found.push(...badNames(file, text));
    if (allowed[room] === undefined && room !== 'main' && !everyone.has(room)) {
      found.push(`${file} is in ${room}, which is no room of the plan`);
      continue;
    }
    for (const specifier of importsOf(text)) {
      if (specifier === undefined) {
        found.push(`${file} imports a computed path, which no wall can hold`);
        continue;
      }
      if (!specifier.startsWith('.')) continue;
      const target = relative(root, join(root, dirname(file), specifier))
        .split(sep)
        .join('/');
      if (!target.startsWith('src/')) {
        if (!file.endsWith('.test.ts')) found.push(`${file} imports ${target}, which is outside src/`);
        continue;
      }
      const other = roomOf(target);
      if (other === room) continue;
      if (!edges.has(room)) edges.set(room, new Map());
      edges.get(room)?.set(other, `${file} → ${target}`);
      if (everyone.has(room)) found.push(`${file} (which everyone imports) imports ${target}`);
      else if (room !== 'main' && !everyone.has(other) && !allowed[room]?.includes(other)) {
        found.push(`${file} (${room}) imports ${target} (${other})`);
      }
    }
  }
  return [...found, ...cycles(edges)];
}

/** `src/frontends/cli/x.ts` is in `frontends/cli`, `src/store/x.ts` in `store`, `src/errors.ts` in `errors`. */
function roomOf(file: string): string {
  const [, first = '', second = ''] = file.split('/');
  if (second === '') return first.replace(/\.ts$/, '');
  return first === 'frontends' ? `frontends/${second}` : first;
}

const statement = /(?:^|[;}])[ \t]*(?:import|export)\b(?:[^;'"`=()]*?\bfrom)?\s*(['"])([^'"\n]+)\1/gm;
const dynamic = /\bimport\s*\(\s*(?:(['"])([^'"\n]+)\1\s*[,)])?/g;
const worker = /\bnew URL\(\s*(['"])([^'"\n]+)\1\s*,\s*import\.meta\.url/g;

/** Every module that the text imports, re-exports, loads or starts as a worker; `undefined` for one whose path is computed. */
function importsOf(text: string): (string | undefined)[] {
  return [statement, dynamic, worker].flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[2]));
}

function badNames(file: string, text: string): string[] {
  const names = file
    .replace(/(\.test|\.worker)?\.ts$/, '')
    .split('/')
    .slice(1);
  const found = names.filter((name) => emptyNames.test(name)).map((name) => `${file}: "${name}" does not say what is inside`);
  for (const [, name] of text.matchAll(/\b(?:class|interface|type)\s+(\w*(?:Manager|Service|Helper)|I[A-Z][a-z]\w*)\b/g)) {
    found.push(`${file}: ${name} is named for a habit, not for a thing`);
  }
  return found;
}

/** Each circle of rooms once, with the import that closes it. */
function cycles(edges: ReadonlyMap<string, ReadonlyMap<string, string>>): string[] {
  const found = new Map<string, string>();
  const visit = (room: string, path: readonly string[]): void => {
    for (const [other, by] of edges.get(room) ?? []) {
      const at = path.indexOf(other);
      if (at === -1) visit(other, [...path, other]);
      else {
        const circle = path.slice(at);
        found.set(circle.toSorted().join(), `rooms in a circle: ${[...circle, other].join(' → ')} (${by})`);
      }
    }
  };
  for (const room of edges.keys()) visit(room, [room]);
  return [...found.values()];
}
