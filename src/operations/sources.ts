import { checkSource, readSources, sameName, type CatalogSource } from '../catalog/catalog-source.ts';
import { ImageError } from '../errors.ts';
import { changeSettings, sourceSettings } from '../io/home-folder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where base images are found, in the order in which they are asked. @throws ImageError `invalid-config` */
export function listSources(env: Environment): readonly CatalogSource[] {
  return readSources(sourceSettings(env));
}

/** A source's parts that a user may give later, or take away with undefined or an empty text. */
export interface SourceChange {
  readonly location?: string | undefined;
  readonly key?: string | undefined;
  readonly publisher?: string | undefined;
  readonly repositories?: readonly { readonly repository: string; readonly name: string; readonly description?: string }[] | undefined;
  /** Its place in the order, from 1. */
  readonly position?: number | undefined;
}

/**
 * Makes a source known, as the last or at a place. @returns it as it is kept
 * @throws ImageError `conflict` where there is one of that name, unless it may be replaced; `invalid-argument`
 */
export async function registerSource(
  env: Environment,
  source: CatalogSource,
  options: { readonly replace?: boolean | undefined; readonly position?: number | undefined } = {},
): Promise<CatalogSource> {
  const checked = checkSource(source);
  await change(env, (sources) => {
    const before = sources.findIndex(({ name }) => sameName(name, checked.name));
    if (before >= 0 && !options.replace)
      throw new ImageError('conflict', `Package Source '${checked.name}' exists.`, {
        hint: 'Change it with `bay source set`, or choose another name.',
        detail: { source: checked.name },
      });
    return placed(
      sources.filter((_, at) => at !== before),
      checked,
      options.position ?? (before >= 0 ? before + 1 : undefined),
    );
  });
  return checked;
}

/** @throws ImageError `not-found`, `invalid-argument` */
export async function changeSource(env: Environment, name: string, { position, ...parts }: SourceChange): Promise<CatalogSource> {
  let changed: CatalogSource | undefined;
  await change(env, (sources) => {
    const at = indexOf(sources, name);
    const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
    const source = Object.fromEntries(Object.entries({ ...sources[at], ...given }).filter(([, value]) => value !== ''));
    const kind = sources[at]?.kind;
    const fits = kind === 'registry' ? ['location', 'publisher', 'repositories'] : ['location', 'key'];
    const odd = Object.keys(given).find((part) => !fits.includes(part));
    if (odd !== undefined) throw new ImageError('invalid-argument', `${name} is a ${kind}: it has no ${odd}`);
    changed = checkSource(source);
    return placed(
      sources.filter((_, other) => other !== at),
      changed,
      position ?? at + 1,
    );
  });
  if (changed === undefined) throw new ImageError('internal', 'the settings were not changed');
  return changed;
}

/** Forgets a source; what was installed from it stays. @throws ImageError `not-found` */
export async function unregisterSource(env: Environment, name: string): Promise<CatalogSource> {
  let gone: CatalogSource | undefined;
  await change(env, (sources) => {
    const at = indexOf(sources, name);
    gone = sources[at];
    return sources.filter((_, other) => other !== at);
  });
  if (gone === undefined) throw new ImageError('internal', 'the settings were not changed');
  return gone;
}

function indexOf(sources: readonly CatalogSource[], name: string): number {
  const at = sources.findIndex((source) => sameName(source.name, name));
  if (at >= 0) return at;
  throw new ImageError('not-found', `Unable to find package source '${name}'.`, {
    hint: `Sources here: ${sources.map((source) => source.name).join(', ') || 'none'}.`,
    detail: { source: name },
  });
}

function placed(sources: readonly CatalogSource[], source: CatalogSource, position = sources.length + 1): readonly CatalogSource[] {
  if (!Number.isInteger(position) || position < 1)
    throw new ImageError('invalid-argument', `${position} is no place in the order of sources`);
  return sources.toSpliced(position - 1, 0, source);
}

async function change(env: Environment, edit: (sources: readonly CatalogSource[]) => readonly CatalogSource[]): Promise<void> {
  await changeSettings(env, (current) => ({ ...current, sources: edit(readSources(current.sources)) }));
}
