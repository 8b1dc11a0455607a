/** `bay source ls`, `add`, `set` and `rm`. */

import { resolve } from 'node:path';
import type { CatalogSource, SourceRepository } from '../../../catalog/catalog-source.ts';
import { ImageError } from '../../../errors.ts';
import { command } from '../grammar.ts';
import { listText, type Field } from '../list.ts';
import type { Terminal } from '../terminal.ts';

const sourceFlags = {
  key: { type: 'string', value: 'base64', help: 'Ed25519 public key that must have signed the catalogue' },
  position: { type: 'int', value: 'int', help: 'Its place in the order, from 1' },
  publisher: { type: 'string', value: 'name', help: "Publisher of all of a registry's images" },
  repository: {
    type: 'list',
    value: 'repository=name',
    help: 'Repository of a registry, and the name of the\nimages in it; may be given again',
  },
} as const;

export const sourceList = command({
  description: 'List the sources of base OS images, in the order in which they are asked.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    format: { type: 'string', value: 'string', help: 'Pretty-print sources using a Go template', values: ['table', 'json'] },
    json: { type: 'bool', help: 'Print one JSON document' },
    quiet: { type: 'bool', short: 'q', help: 'Only display names' },
  },
  async run({ flags, terminal }) {
    const { listSources } = await import('../../../operations/sources.ts');
    const sources = listSources(terminal.env);
    if (flags.json) terminal.print(`${JSON.stringify(sources)}\n`);
    else if (flags.quiet) terminal.print(sources.map(({ name }) => `${name}\n`).join(''));
    else
      terminal.print(
        await listText(sources, {
          format: flags.format,
          fields: sourceFields,
          columns: ['Name', 'Kind', 'Signed', 'Location', 'Repositories'],
          type: '*formatter.imageSourceContext',
        }),
      );
  },
});

export const sourceAdd = command({
  description:
    'Make a source of base OS images known: a catalogue (an address, or a folder or share with a catalogue.json), or, with --repository, a registry (HOST[/PREFIX]) in which these repositories hold base images.',
  operands: { usage: 'NAME LOCATION', min: 2, max: 2 },
  flags: { ...sourceFlags, force: { type: 'bool', short: 'f', help: 'Replace a source of that name' } },
  examples: [
    ['A catalogue on a server', 'bay source add lab https://images.example.com/catalogue.json'],
    ['A folder, signed', 'bay source add usb /media/usb/images --key 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='],
    ['A registry', 'bay source add own registry.example.com/base --repository nanoserver=NanoServer'],
  ],
  async run({ flags, operands, terminal }) {
    const [name, location] = operands;
    const { registerSource } = await import('../../../operations/sources.ts');
    const repositories = pairs(flags.repository);
    if (repositories.length > 0 && flags.key !== undefined)
      throw new ImageError('invalid-argument', '--key is for catalogues, and --repository for registries');
    if (repositories.length === 0 && flags.publisher !== undefined)
      throw new ImageError('invalid-argument', '--publisher is for registries: a catalogue says it of each image');
    const source: CatalogSource =
      repositories.length > 0
        ? { kind: 'registry', name, location, repositories, ...(flags.publisher === undefined ? {} : { publisher: flags.publisher }) }
        : { kind: 'catalogue', name, location: wholeLocation(location, terminal), ...(flags.key === undefined ? {} : { key: flags.key }) };
    const kept = await registerSource(terminal.env, source, { replace: flags.force, position: flags.position });
    terminal.print(`${kept.name}\n`);
  },
});

export const sourceSet = command({
  description: 'Change a source of base OS images. An empty value takes it away.',
  operands: { usage: 'NAME', min: 1, max: 1 },
  flags: { ...sourceFlags, location: { type: 'string', value: 'location', help: 'Where it is' } },
  examples: [['Ask it first', 'bay source set lab --position 1']],
  complete: completeSources,
  async run({ flags, operands, terminal }) {
    const { changeSource } = await import('../../../operations/sources.ts');
    const { key, publisher, position, location } = flags;
    const changed = await changeSource(terminal.env, operands[0], {
      key,
      publisher,
      position,
      location: location === undefined ? undefined : wholeLocation(location, terminal),
      repositories: flags.repository.length === 0 ? undefined : pairs(flags.repository),
    });
    terminal.print(`${changed.name}\n`);
  },
});

export const sourceRemove = command({
  description: 'Forget one or more sources of base OS images. What was installed from them stays.',
  operands: { usage: 'NAME [NAME...]', min: 1 },
  flags: {},
  complete: completeSources,
  async run({ operands, terminal, report }) {
    const { unregisterSource } = await import('../../../operations/sources.ts');
    let failed = false;
    for (const name of operands)
      try {
        terminal.print(`${(await unregisterSource(terminal.env, name)).name}\n`);
      } catch (error) {
        report(error);
        failed = true;
      }
    return failed ? 1 : 0;
  },
});

async function completeSources(_word: string, { terminal }: { readonly terminal: Terminal }): Promise<readonly string[]> {
  const { listSources } = await import('../../../operations/sources.ts');
  return listSources(terminal.env).map(({ name }) => name);
}

/** A path is kept whole: the next command may be given elsewhere. */
function wholeLocation(location: string, { cwd }: Terminal): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(location) || location.startsWith('\\\\') || location === '' ? location : resolve(cwd, location);
}

function pairs(texts: readonly string[]): readonly SourceRepository[] {
  return texts.map((text) => {
    const [, repository = '', name = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (repository === '')
      throw new ImageError('invalid-argument', `${JSON.stringify(text)} is not REPOSITORY=NAME`, {
        hint: 'For instance --repository windows/nanoserver=NanoServer.',
      });
    return { repository, name };
  });
}

const sourceFields = {
  Key: { title: 'KEY', value: (source) => (source.kind === 'catalogue' ? (source.key ?? '') : '') },
  Kind: { title: 'KIND', value: ({ kind }) => kind },
  Location: { title: 'LOCATION', value: ({ location }) => location },
  Name: { title: 'NAME', value: ({ name }) => name },
  Publisher: { title: 'PUBLISHER', value: (source) => (source.kind === 'registry' ? (source.publisher ?? '') : '') },
  Repositories: {
    title: 'REPOSITORIES',
    value: (source) =>
      source.kind === 'registry' ? source.repositories.map(({ repository, name }) => `${repository}=${name}`).join(',') : '',
  },
  Signed: { title: 'SIGNED', value: (source) => (source.kind === 'catalogue' && source.key !== undefined ? 'required' : ''), empty: '-' },
} satisfies Record<string, Field<CatalogSource>>;
