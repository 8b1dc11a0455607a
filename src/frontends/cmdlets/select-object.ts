/** What PowerShell's Select-Object is to a line of PowerShell, for the plain command line alone: there is none in the module. */

import { wildcard } from '../../model/wildcard.ts';
import type { Act } from './call.ts';
import { isCmdletObject, valueText, type CmdletObject, type Value } from './cmdlet-object.ts';
import type { Cmdlet } from './cmdlet.ts';

export const selectObject: Cmdlet = {
  name: 'Select-Object',
  aliases: ['select'],
  parameters: [
    {
      name: 'Property',
      type: 'string[]',
      position: 0,
      wildcards: true,
      help: 'The properties to keep, in this order. Wildcards are allowed.',
    },
    { name: 'ExpandProperty', type: 'string', help: 'The one property whose value is written alone.' },
    { name: 'First', type: 'int64', help: 'Only so many objects, from the first on.' },
    { name: 'InputObject', type: 'psobject', mandatory: true, byValue: true, help: 'Objects of another cmdlet.' },
  ],
  synopsis: 'Keeps some properties of objects.',
  description:
    'Writes each object with nothing but these properties. A property that an object does not have is empty. Objects of images and containers have all their properties, though a table shows but some.',
  examples: [
    { line: 'Get-ContainerImage | Select-Object Name, ParentImage', text: 'What each image was made from.' },
    {
      line: 'Get-ContainerHost | Select-Object -ExpandProperty ContainerImageRepositoryLocation',
      text: 'The path of the repository, alone.',
    },
  ],
  load: async () => selectAct(),
};

function selectAct(): Act {
  let seen = 0;
  return async (call, shell) => {
    const first = call.number('First') ?? Infinity;
    for (const object of call.values('InputObject').filter(isCmdletObject)) {
      if (seen++ >= first) return;
      const expanded = call.text('ExpandProperty');
      if (expanded === undefined) await shell.writeObject(selected(object, call.texts('Property') ?? ['*']));
      else
        for (const value of listed(propertyOf(object, expanded)[1]))
          await shell.writeObject(isCmdletObject(value) ? value : valueText(value));
    }
  };
}

function selected(object: CmdletObject, names: readonly string[]): CmdletObject {
  const properties: Record<string, Value> = {};
  for (const name of names) {
    if (/[*?[]/.test(name)) {
      const matches = wildcard(name);
      for (const key of Object.keys(object.properties)) if (matches(key)) properties[key] = object.properties[key];
    } else {
      const [key, value] = propertyOf(object, name);
      properties[key] = value;
    }
  }
  return { typeName: `Selected.${object.typeName}`, properties, text: object.text };
}

/** Under its own name, whatever the case it was asked for in. */
function propertyOf({ properties }: CmdletObject, name: string): readonly [string, Value] {
  const key = Object.keys(properties).find((one) => one.toLowerCase() === name.toLowerCase()) ?? name;
  return [key, properties[key]];
}

function listed(value: Value): readonly Value[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly Value[]) : [value];
}
