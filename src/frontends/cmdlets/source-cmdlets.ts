/** The rows of the table that are about the sources of base OS images. */

import type { Cmdlet, Parameter } from './cmdlet.ts';
import { typeNames } from './views.ts';

const sets = ['Name', 'InputObject'] as const;
const names: Parameter = {
  name: 'Name',
  type: 'string[]',
  complete: 'source-name',
  in: { Name: { position: 0, mandatory: true } },
  help: 'Names of sources.',
};
const objects: Parameter = {
  name: 'InputObject',
  type: 'ContainerImageSource[]',
  in: { InputObject: { position: 0, mandatory: true, byValue: true } },
  help: 'Sources: objects of Get-ContainerImageSource.',
};
const parts: readonly Parameter[] = [
  {
    name: 'Publisher',
    type: 'string',
    allowEmpty: true,
    help: 'Of a registry: who publishes all images in it.',
  },
  {
    name: 'Repository',
    type: 'string[]',
    help: 'Makes the source a registry: its repositories that hold base OS images, each as REPOSITORY=NAME.',
  },
  {
    name: 'PublicKey',
    type: 'string',
    allowEmpty: true,
    help: 'Of a catalogue: the Ed25519 key, in base64, that must have signed it.',
  },
  { name: 'Position', type: 'int64', help: 'Its place in the order in which sources are asked, from 1.' },
];

export const sourceCmdlets: readonly Cmdlet[] = [
  {
    name: 'Get-ContainerImageSource',
    parameters: [
      {
        name: 'Name',
        type: 'string[]',
        position: 0,
        complete: 'source-name',
        wildcards: true,
        help: 'Names of sources. Wildcards are allowed.',
      },
    ],
    output: typeNames.source,
    synopsis: 'Lists the sources of base OS images.',
    description: 'Lists where Find-, Save- and Install-ContainerImage look, in the order in which they ask.',
    examples: [
      { line: 'Get-ContainerImageSource', text: 'All sources.' },
      { line: "Get-ContainerImageSource -Name 'Micro*'", text: 'Those whose name begins with Micro.' },
    ],
    load: async () => (await import('./acts/container-image-sources.ts')).getSource,
  },
  {
    name: 'Register-ContainerImageSource',
    parameters: [
      { name: 'Name', type: 'string', position: 0, mandatory: true, help: 'What it is to be called.' },
      {
        name: 'Location',
        type: 'string',
        position: 1,
        mandatory: true,
        complete: 'folder',
        help: 'A catalogue: its address, or the folder or share that has a catalogue.json. With -Repository a registry: HOST or HOST/PREFIX.',
      },
      ...parts,
      { name: 'Force', type: 'switch', help: 'Replaces a source of that name.' },
    ],
    shouldProcess: 'Medium',
    output: typeNames.source,
    synopsis: 'Makes a source of base OS images known.',
    description:
      'From then on Find-, Save- and Install-ContainerImage ask it too. A source is a catalogue, which bay catalog build makes of a folder of .wim files and archives, or repositories of a registry.',
    examples: [
      {
        line: 'Register-ContainerImageSource -Name lab -Location https://images.example.com/catalogue.json',
        text: 'A catalogue on a server.',
      },
      { line: 'Register-ContainerImageSource own registry.example.com/base -Repository nanoserver=NanoServer', text: 'A registry.' },
    ],
    load: async () => (await import('./acts/container-image-sources.ts')).registerSourceAct,
  },
  {
    name: 'Set-ContainerImageSource',
    sets,
    parameters: [names, objects, { name: 'Location', type: 'string', complete: 'folder', help: 'Where it is now.' }, ...parts],
    shouldProcess: 'Medium',
    output: typeNames.source,
    synopsis: 'Changes a source of base OS images.',
    description: 'Changes what is given, and leaves the rest. An empty text takes the publisher or the key away.',
    examples: [
      { line: 'Set-ContainerImageSource -Name lab -Position 1', text: 'Asks it first.' },
      { line: 'Get-ContainerImageSource lab | Set-ContainerImageSource -Location D:\\images', text: 'It has moved.' },
    ],
    load: async () => (await import('./acts/container-image-sources.ts')).setSource,
  },
  {
    name: 'Unregister-ContainerImageSource',
    sets,
    parameters: [names, objects],
    shouldProcess: 'Medium',
    synopsis: 'Forgets a source of base OS images.',
    description: 'The source is not asked any more. What was installed from it stays.',
    examples: [
      { line: 'Unregister-ContainerImageSource -Name lab', text: 'Forgets the source lab.' },
      { line: "Get-ContainerImageSource 'lab*' | Unregister-ContainerImageSource", text: 'Forgets all whose name begins with lab.' },
    ],
    load: async () => (await import('./acts/container-image-sources.ts')).unregisterSourceAct,
  },
];
