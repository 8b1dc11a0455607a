import { hasWildcard } from '../../model/wildcard.ts';
import { containerImages } from '../../operations/container-images.ts';
import type { Act, Call } from './call.ts';
import type { CompletionKind, Parameter } from './cmdlet.ts';
import { imageObject } from './image-object.ts';
import { valueText } from './cmdlet-object.ts';
import type { Shell } from './shell.ts';

/** Nobody waits longer at a prompt. Milliseconds. */
const patience = 2500;

const imageProperties: Partial<Record<CompletionKind, string>> = {
  'image-name': 'Name',
  'image-publisher': 'Publisher',
  'image-version': 'Version',
  'image-full-name': 'FullName',
};

/** Writes the texts that would fit a parameter (`.complete`) and begin as what is typed (`.word`); what else is typed narrows them down. */
export const completeValue: Act = async (call, shell) => {
  const parameter = call.cmdlet.parameters.find(({ name }) => name === call.text('.complete'));
  const word = (call.text('.word') ?? '').toLowerCase();
  const values = parameter?.complete ? await valuesOf(parameter, call, shell) : [];
  const fitting = [...new Set(values)].filter((value) => value !== '' && value.toLowerCase().startsWith(word));
  for (const value of fitting.toSorted((one, other) => one.localeCompare(other, 'en'))) await shell.writeObject(value);
};

async function valuesOf({ name: own, complete: kind }: Parameter, call: Call, shell: Shell): Promise<readonly string[]> {
  const property = kind && imageProperties[kind];
  if (property !== undefined) {
    // -Name of New-Container is the container's.
    const prefix = own.startsWith('ContainerImage') ? 'ContainerImage' : '';
    const typed = (name: string): string | undefined => {
      const text = call.cmdlet.parameters.some((one) => one.name === prefix + name) ? call.text(prefix + name) : undefined;
      return name === property || text === '' ? undefined : text;
    };
    const query = { name: typed('Name'), publisher: typed('Publisher'), version: typed('Version') };
    const images = await containerImages({ store: await call.host.store() }, query);
    // Only base OS images are uninstalled.
    const fitting = kind === 'image-full-name' ? images.filter(({ isOsImage }) => isOsImage) : images;
    return fitting.map((image) => valueText(imageObject(image).properties[property]));
  }
  switch (kind) {
    case 'container-name':
      return (await (await call.host.containers()).list()).map(({ name }) => name);
    case 'source-name': {
      const { listSources } = await import('../../operations/sources.ts');
      return listSources(shell.env).map(({ name }) => name);
    }
    case 'base-name':
    case 'base-version': {
      const { findBaseImages } = await import('../../operations/find-base.ts');
      const signal = AbortSignal.any([shell.signal, AbortSignal.timeout(patience)]);
      const word = call.text('.word') ?? '';
      const versions = kind === 'base-version';
      const begun = word === '' || hasWildcard(word) ? undefined : [`${word}*`];
      const query = { names: versions ? call.texts('Name') : begun, all: versions, sources: call.texts('Source') };
      const found = await findBaseImages({ catalog: await call.host.catalog() }, query, { signal, onWarning: () => undefined });
      return found.map(({ name, version }) => (versions ? version : name));
    }
    default:
      return [];
  }
}
