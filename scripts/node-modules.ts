/**
 * How published files take Node's own modules: by `process.getBuiltinModule`. An import makes a namespace of the module, for which each of its
 * properties is read, and some load half of Node when they are read: `import 'node:http'` takes 30 ms, this 3. Nothing changes for who uses them.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Plugin } from 'esbuild';

/** Loaded by the first call of one of their functions: the first takes a sixth of a start, and who only lists calls none. No classes or constants are taken from these. */
const whenCalled: ReadonlySet<string> = new Set(['node:child_process', 'node:crypto', 'node:fs/promises', 'node:timers/promises']);

const importOf = /^import \{([^}]*)\} from '(node:[\w/]+)';$/gm;

/** @param root the folder that src/ is in */
export function nodeModules(root: string): Plugin {
  return {
    name: 'node-modules',
    setup(context) {
      const names = namesOf(root);
      context.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
        kind === 'import-statement' ? { path, namespace: 'node-module' } : { path, external: true },
      );
      context.onLoad({ filter: /.*/, namespace: 'node-module' }, ({ path }) => {
        // Several modules have a name in common, such as `constants`; chunks must not.
        const prefix = path.slice('node:'.length).replaceAll(/\W/g, '_');
        const taken = [...(names.get(path) ?? [])].toSorted().map((name) => ({ name, local: `${prefix}$${name}` }));
        const module = `process.getBuiltinModule('${path}')`;
        const made = whenCalled.has(path)
          ? taken.map(({ name, local }) => `const ${local} = (...values) => ${module}.${name}(...values);`).join('\n')
          : `const { ${taken.map(({ name, local }) => `${name}: ${local}`).join(', ')} } = ${module};`;
        return { contents: `${made}\nexport { ${taken.map(({ name, local }) => `${local} as ${name}`).join(', ')} };` };
      });
    },
  };
}

/** What src/ imports of each module, but for types. */
function namesOf(root: string): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const file of globSync('src/**/*.ts', { cwd: root })) {
    if (file.endsWith('.test.ts')) continue;
    for (const [, list = '', module = ''] of readFileSync(join(root, file), 'utf8').matchAll(importOf)) {
      const known = names.get(module) ?? new Set();
      for (const item of list.split(',').map((part) => part.trim()))
        if (item !== '' && !/^type (?!as )/.test(item)) known.add(item.split(' as ')[0] ?? item);
      names.set(module, known);
    }
  }
  return names;
}
