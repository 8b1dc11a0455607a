import type { FoundBaseImage } from '../../operations/find-base.ts';
import { version, type CmdletObject, type Value } from './cmdlet-object.ts';
import { typeNames } from './views.ts';

/** A base OS image that a source offers. */
export function itemObject(found: FoundBaseImage): CmdletObject {
  return {
    typeName: typeNames.item,
    text: `ContainerImageItem (Name = '${found.name}') [Version = '${found.version}', Source = '${found.source}']`,
    properties: {
      Name: found.name,
      Version: version(found.version),
      Description: found.description,
      Source: found.source,
      Publisher: found.publisher,
      Size: found.size,
      Published: found.published,
      Signature: found.signature,
    },
  };
}

/** What an item asks for when it comes back through a pipeline: a row of a table has lost its source. */
export function itemQuery({ properties: { Name: name, Version: number, Source: source } }: CmdletObject): {
  readonly names: readonly string[];
  readonly version: string;
  readonly sources: readonly string[];
} {
  const text = (value: Value): string =>
    typeof value === 'object' && 'text' in value ? value.text : typeof value === 'string' ? value : '';
  const from = text(source);
  return { names: [text(name)], version: text(number), sources: from === '' ? [] : [from] };
}
