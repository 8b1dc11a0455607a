import { resolve } from 'node:path';
import type { SourceRepository } from '../../catalog/catalog-source.ts';
import type { Call } from './call.ts';
import { CmdletError } from './cmdlet-error.ts';
import { isCmdletObject, valueText } from './cmdlet-object.ts';
import type { Shell } from './shell.ts';

/** -Repository, as REPOSITORY=NAME; undefined where it was not given. @throws CmdletError */
export function readRepositories(call: Call): readonly SourceRepository[] | undefined {
  return call.texts('Repository')?.map((text) => {
    const [, repository, name] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (repository !== undefined && name !== undefined) return { repository, name };
    throw new CmdletError({
      message: `'${text}' is not REPOSITORY=NAME.\nFor instance -Repository windows/nanoserver=NanoServer.`,
      id: 'InvalidRepository',
      category: 'InvalidArgument',
      target: text,
      exceptionType: 'ArgumentException',
    });
  });
}

/** -Location; a path is kept whole, as the next line may be typed elsewhere. */
export function readLocation(call: Call, { cwd }: Shell, isRegistry: boolean): string | undefined {
  const location = call.text('Location');
  if (location === undefined || isRegistry || /^[a-z][a-z0-9+.-]+:\/\//i.test(location) || location.startsWith('\\\\')) return location;
  return resolve(cwd, location);
}

/** The names of -Name, or of the objects of a pipeline. */
export function sourceNames(call: Call): readonly string[] {
  return [
    ...(call.texts('Name') ?? []),
    ...call.values('InputObject').map((value) => valueText(isCmdletObject(value) ? value.properties['Name'] : value)),
  ];
}
