import type { Container } from '../../containers/container.ts';
import { isImageError } from '../../errors.ts';
import type { Host } from '../../operations/host.ts';
import type { Call } from './call.ts';
import { CmdletError } from './cmdlet-error.ts';
import { isCmdletObject, isTypedText, valueText, type Value } from './cmdlet-object.ts';

/** The container that -Container, -ContainerName or -ContainerId says: an object, a name or an id. @throws CmdletError */
export async function findContainer(host: Pick<Host, 'containers'>, call: Call): Promise<Container> {
  for (const parameter of ['Container', 'ContainerId', 'ContainerName']) {
    const [value] = call.values(parameter);
    if (value !== undefined) return containerOf(host, value);
  }
  throw notFound('');
}

/** @param value an object of the type Container, a name, docker's id or the beginning of one, or a guid @throws CmdletError */
export async function containerOf(host: Pick<Host, 'containers'>, value: Value): Promise<Container> {
  const id = isCmdletObject(value) ? (value.properties['Id'] ?? value.properties['ContainerId'] ?? value.properties['Name']) : value;
  const text = nameInObject(valueText(id));
  const isId = isTypedText(id ?? '') || isGuid(text);
  try {
    return await host.containers.get(isId ? text.replaceAll(/[{}-]/g, '').toLowerCase() : text);
  } catch (error) {
    if (isImageError(error, 'not-found')) return inAnyCase(host, text);
    throw error;
  }
}

/** Docker's names differ by their case; PowerShell's do not. @throws CmdletError where none has the name, or several */
async function inAnyCase(host: Pick<Host, 'containers'>, name: string): Promise<Container> {
  const found = (await host.containers.list()).filter((container) => container.name.toLowerCase() === name.toLowerCase());
  const [first, ...others] = found;
  if (!first) throw notFound(name);
  if (others.length === 0) return first;
  throw new CmdletError({
    message: `'${name}' is ${found.length} containers: ${found
      .map((container) => container.name)
      .toSorted()
      .join(', ')}\nGive the name in its own case.`,
    id: 'AmbiguousContainer',
    category: 'InvalidArgument',
    target: name,
    exceptionType: 'ArgumentException',
  });
}

/**
 * A container's id or name in the text of an object that is no Container: `@{Id=…}`. PowerShell makes that text of any object for -Name, which takes everything that
 * can be a text, before it looks for a -Id that would have to be changed to one.
 */
export function nameInObject(text: string): string {
  const [, inside] = /^@\{([^]*)\}$/.exec(text) ?? [];
  if (inside === undefined) return text;
  const properties = new Map(inside.split('; ').map((part) => [part.split('=', 1)[0]?.toLowerCase(), part.slice(part.indexOf('=') + 1)]));
  return ['id', 'containerid', 'name'].map((key) => properties.get(key)).find((value) => value !== undefined && value !== '') ?? text;
}

export function isGuid(text: string): boolean {
  return /^\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i.test(text);
}

function notFound(name: string): CmdletError {
  return new CmdletError({
    message: `A container was not found: '${name}'.\nGet-Container lists the containers of this host.`,
    id: 'ContainerNotFound',
    category: 'ObjectNotFound',
    target: name,
    exceptionType: 'ItemNotFoundException',
  });
}
