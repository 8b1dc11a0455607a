import { isImageError } from '../../errors.ts';
import {
  findBaseImages,
  findOneBaseImage,
  type CatalogOptions,
  type CatalogQuery,
  type FoundBaseImage,
} from '../../operations/find-base.ts';
import type { Call } from './call.ts';
import { CmdletError } from './cmdlet-error.ts';
import { eachOf } from './each-of.ts';
import { isCmdletObject } from './cmdlet-object.ts';
import { itemQuery } from './item-object.ts';
import type { Shell } from './shell.ts';

/** What -Name, the versions and -Source ask for. @param describe whether sizes and dates of a registry's images are wanted */
function searchOptions(shell: Shell, describe: boolean): CatalogOptions {
  return { signal: shell.signal, describe, onWarning: (text) => void shell.writeWarning(text) };
}

function versionsOf(call: Call): Omit<CatalogQuery, 'names'> {
  return {
    version: call.text('Version'),
    minimum: call.text('MinimumVersion'),
    maximum: call.text('MaximumVersion'),
    all: call.flag('AllVersions'),
    sources: call.texts('Source'),
  };
}

/** @throws CmdletError where nothing matches */
export async function findItems(call: Call, shell: Shell): Promise<readonly FoundBaseImage[]> {
  const names = call.texts('Name');
  const query = { names, ...versionsOf(call) };
  const found = await findBaseImages({ catalog: await call.host.catalog() }, query, searchOptions(shell, true)).catch(unknownSource);
  if (found.length === 0) throw noSuchModule(names ?? [], call.text('Version'));
  return found;
}

/** The one image that each name and each object means, the newest where no version is said. One that there is not is an error, and the others are found. */
export async function chooseItems(call: Call, shell: Shell): Promise<readonly FoundBaseImage[]> {
  const objects = call.values('InputObject').filter(isCmdletObject);
  const queries: readonly CatalogQuery[] =
    objects.length > 0 ? objects.map(itemQuery) : (call.texts('Name') ?? []).map((name) => ({ names: [name], ...versionsOf(call) }));
  const catalog = await call.host.catalog();
  const found: FoundBaseImage[] = [];
  const findOne = async (query: CatalogQuery): Promise<void> => {
    const one = await findOneBaseImage({ catalog }, query, searchOptions(shell, false)).catch((error: unknown) => {
      // A source that is gone is not found either, but what was asked for may be in it.
      if (isImageError(error, 'not-found') && error.detail['name'] !== undefined) throw noSuchModule(query.names ?? [], query.version);
      return unknownSource(error);
    });
    found.push(one);
  };
  await eachOf(queries, findOne, shell, ({ names = [] }) => names.join(', '));
  return found;
}

/** What an error about it is about. */
export function itemText({ name, version }: FoundBaseImage): string {
  return `${name} ${version}`;
}

/** Where it is about a source that is not there, in the words of PackageManagement. */
function unknownSource(error: unknown): never {
  if (isImageError(error, 'invalid-argument') && error.detail['id'] === nameRequiredId) throw nameRequired(error.message);
  const source = isImageError(error, 'not-found') ? error.detail['source'] : undefined;
  throw typeof source === 'string' ? noSuchSource(source) : error;
}

export function noSuchSource(name: string): CmdletError {
  return new CmdletError({
    message: `Unable to find package source '${name}'. Use Get-ContainerImageSource to see all available package sources.`,
    id: 'SourceNotFound',
    category: 'ObjectNotFound',
    target: name,
    exceptionType: 'ItemNotFoundException',
  });
}

const nameRequiredId = 'NameRequiredForMinOrMaxVersion';

/** The category is the later provider's, which says so too. */
function nameRequired(message: string): CmdletError {
  return new CmdletError({ message, id: nameRequiredId, category: 'InvalidData', exceptionType: 'ArgumentException' });
}

/** The page's provider says it in these words. */
function noSuchModule(names: readonly string[], version: string | undefined): CmdletError {
  const asked = [names.join(', '), version].filter((part) => part !== undefined && part !== '').join(' ');
  return new CmdletError({
    message: `No such module found.\nNo source offers ${asked === '' ? 'a base OS image' : `the base OS image ${asked}`}. Find-ContainerImage -AllVersions lists what there is, and Get-ContainerImageSource where it is looked for.`,
    id: 'NoSuchModule',
    category: 'ObjectNotFound',
    target: asked === '' ? undefined : asked,
    exceptionType: 'FileNotFoundException',
  });
}
