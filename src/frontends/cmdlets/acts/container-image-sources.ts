import { isImageError } from '../../../errors.ts';
import type { CatalogSource } from '../../../catalog/catalog-source.ts';
import { changeSource, listSources, registerSource, unregisterSource } from '../../../operations/sources.ts';
import { hasWildcard, wildcard } from '../../../model/wildcard.ts';
import type { Act } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import { errorRecord } from '../error-record.ts';
import { noSuchSource } from '../find-items.ts';
import { readLocation, readRepositories, sourceNames } from '../read-source.ts';
import { sourceObject } from '../source-object.ts';

export const getSource: Act = async (call, shell) => {
  const sources = listSources(shell.env);
  for (const name of call.texts('Name') ?? ['*']) {
    const matches = wildcard(name);
    const found = sources.filter((source) => matches(source.name));
    for (const source of found) await shell.writeObject(sourceObject(source));
    if (found.length === 0 && !hasWildcard(name)) await shell.writeError(errorRecord(noSuchSource(name)));
  }
};

export const registerSourceAct: Act = async (call, shell) => {
  const name = call.text('Name') ?? '';
  const repositories = readRepositories(call);
  const location = readLocation(call, shell, repositories !== undefined) ?? '';
  const [publisher, key] = [call.text('Publisher'), call.text('PublicKey')];
  const source: CatalogSource =
    repositories === undefined
      ? { kind: 'catalogue', name, location, ...(key === undefined ? {} : { key }) }
      : { kind: 'registry', name, location, repositories, ...(publisher === undefined ? {} : { publisher }) };
  if (!(await shell.shouldProcess(`Package Source '${name}' (${location})`, 'Register Package Source.'))) return;
  const kept = await registerSource(shell.env, source, { replace: call.flag('Force'), position: call.number('Position') }).catch(
    (error: unknown) => {
      throw isImageError(error, 'conflict') ? sourceExists(name) : error;
    },
  );
  await shell.writeObject(sourceObject(kept));
};

export const setSource: Act = async (call, shell) => {
  for (const name of sourceNames(call)) {
    if (!(await shell.shouldProcess(`Package Source '${name}'`, 'Set Package Source.'))) continue;
    const isRegistry = listSources(shell.env).some(
      (source) => source.kind === 'registry' && source.name.toLowerCase() === name.toLowerCase(),
    );
    const changed = await changeSource(shell.env, name, {
      location: readLocation(call, shell, isRegistry),
      key: call.text('PublicKey'),
      publisher: call.text('Publisher'),
      repositories: readRepositories(call),
      position: call.number('Position'),
    }).catch((error: unknown) => {
      throw isImageError(error, 'not-found') ? noSuchSource(name) : error;
    });
    await shell.writeObject(sourceObject(changed));
  }
};

export const unregisterSourceAct: Act = async (call, shell) => {
  for (const name of sourceNames(call))
    if (await shell.shouldProcess(`Package Source '${name}'`, 'Unregister Package Source.'))
      try {
        await unregisterSource(shell.env, name);
      } catch (error) {
        await shell.writeError(errorRecord(isImageError(error, 'not-found') ? noSuchSource(name) : error, name));
      }
};

function sourceExists(name: string): CmdletError {
  return new CmdletError({
    message: `Package Source '${name}' exists.\nUse -Force to replace it, or Set-ContainerImageSource to change it.`,
    id: 'PackageSourceExists',
    category: 'ResourceExists',
    target: name,
    exceptionType: 'InvalidOperationException',
  });
}
