/** The rows of the table that are about base OS images before they are installed: where they are found, and how they come here. */

import type { Binding, Cmdlet, Parameter } from './cmdlet.ts';
import { asJob, elsewhere } from './elsewhere.ts';
import { typeNames } from './views.ts';

const name: Parameter = {
  name: 'Name',
  type: 'string[]',
  complete: 'base-name',
  wildcards: true,
  help: 'Names of base OS images, in any case. Wildcards are allowed.',
};
const version: Parameter = {
  name: 'Version',
  aliases: ['RequiredVersion'],
  type: 'string',
  wildcards: true,
  complete: 'base-version',
  help: 'Exactly this version, as in 10.0.10586.0; or a pattern, as in 10.0.*. Without it the newest.',
};
const bounds: readonly Parameter[] = [
  { name: 'MinimumVersion', type: 'version', help: 'This version or a newer one.' },
  { name: 'MaximumVersion', type: 'version', help: 'This version or an older one.' },
];
const source: Parameter = {
  name: 'Source',
  type: 'string[]',
  complete: 'source-name',
  help: 'Asks only these sources; without it all that Get-ContainerImageSource lists.',
};
const items: Parameter = {
  name: 'InputObject',
  type: 'ContainerImageItem[]',
  help: 'What to download: objects of Find-ContainerImage.',
};
/**
 * A parameter of what is asked for by name, in these sets. Rows of a list say the version and the source too: were only the name of them taken, another image would
 * come than the row means.
 */
const within = (parameter: Parameter, sets: readonly string[], binding: Binding = {}): Parameter => ({
  ...parameter,
  in: Object.fromEntries(sets.map((set) => [set, { ...binding, byPropertyName: true }])),
});

const toFile = ['NameAndDestination', 'InputObjectAndDestination'];
const toFolder = ['NameAndPath', 'InputObjectAndPath'];
const byName = ['NameAndDestination', 'NameAndPath'];

export const catalogCmdlets: readonly Cmdlet[] = [
  {
    name: 'Find-ContainerImage',
    parameters: [
      { ...name, position: 0 },
      { ...version, position: 1 },
      { ...source, position: 2 },
      ...bounds,
      { name: 'AllVersions', type: 'switch', help: 'All versions of each name, and not the newest alone.' },
    ],
    output: typeNames.item,
    synopsis: 'Finds base OS images that can be installed.',
    description:
      'Asks all sources for the base OS images that they offer, and lists the newest version of each, or the versions that are asked for. A source that does not answer is a warning.',
    examples: [
      { line: 'Find-ContainerImage', text: 'The newest version of each base OS image.' },
      { line: "Find-ContainerImage -Name 'Nano*' -AllVersions", text: 'All versions of those whose name begins with Nano.' },
      {
        line: 'Find-ContainerImage NanoServer -MinimumVersion 10.0.17763.0 -MaximumVersion 10.0.17763.9999',
        text: 'Versions of one build, both bounds included.',
      },
    ],
    load: async () => (await import('./acts/find-container-image.ts')).findContainerImage,
  },
  {
    name: 'Save-ContainerImage',
    sets: ['NameAndDestination', 'NameAndPath', 'InputObjectAndDestination', 'InputObjectAndPath'],
    parameters: [
      { ...name, in: Object.fromEntries(byName.map((set) => [set, { position: 0, mandatory: true, byPropertyName: true }])) },
      {
        ...items,
        in: Object.fromEntries(['InputObjectAndDestination', 'InputObjectAndPath'].map((set) => [set, { mandatory: true, byValue: true }])),
      },
      within(version, byName, { position: 1 }),
      {
        name: 'Destination',
        type: 'string',
        complete: 'file',
        in: { [toFile[0] ?? '']: { position: 2, mandatory: true }, [toFile[1] ?? '']: { position: 0, mandatory: true } },
        help: 'The .wim file to write, with its name. A file that is there is asked about. What a registry offers is saved as an archive where the name ends in .tar.',
      },
      {
        name: 'Path',
        aliases: ['LiteralPath'],
        type: 'string',
        wildcards: true,
        complete: 'folder',
        in: Object.fromEntries(toFolder.map((set) => [set, { mandatory: true }])),
        help: 'The folder to write into, where the file gets a name of its own: NanoServer-10-0-10586-0.wim. A file that is there is left. A pattern must mean one folder.',
      },
      {
        ...source,
        in: { NameAndDestination: { position: 3, byPropertyName: true }, NameAndPath: { position: 2, byPropertyName: true } },
      },
      ...bounds.map((bound) => within(bound, byName)),
      { name: 'Force', type: 'switch', help: 'Overwrites a file that is there, and makes the folder of -Path.' },
    ],
    shouldProcess: 'Medium',
    synopsis: 'Downloads a base OS image to a file, and installs nothing.',
    description:
      'Downloads the newest version of a base OS image, or the one that is asked for, to a file that Install-ContainerOSImage installs on a host without a network. The file is there when all of it has arrived and its hash was right; a download that was cut goes on where it ended.',
    examples: [
      {
        line: 'Save-ContainerImage -Name NanoServer -Destination c:\\container-image\\NanoServer.wim',
        text: 'Saves the newest version to this file.',
      },
      {
        line: 'Find-ContainerImage NanoServer | Save-ContainerImage -Path .',
        text: 'Saves it into the folder under a name with its version.',
      },
    ],
    load: async () => (await import('./acts/save-container-image.ts')).saveContainerImage,
  },
  {
    name: 'Install-ContainerImage',
    sets: ['Name', 'InputObject'],
    parameters: [
      { ...name, in: { Name: { position: 0, mandatory: true, byPropertyName: true } } },
      { ...items, in: { InputObject: { position: 0, mandatory: true, byValue: true } } },
      within(version, ['Name'], { position: 1 }),
      within(source, ['Name'], { position: 2 }),
      ...bounds.map((bound) => within(bound, ['Name'])),
      {
        name: 'Force',
        type: 'switch',
        help: 'Downloads it again where it is installed already, and does not ask about what an image cannot hold of its file.',
      },
    ],
    shouldProcess: 'Medium',
    output: 'System.String',
    synopsis: 'Downloads a base OS image and installs it.',
    description:
      'Downloads the newest version of a base OS image, or the one that is asked for, and installs it. It is listed by Get-ContainerImage and by docker images at once, and works in a remote session as anywhere. A download that was cut goes on where it ended.',
    examples: [
      { line: 'Install-ContainerImage -Name NanoServer -Version 10.0.10586.0', text: 'Installs this version.' },
      { line: 'Install-ContainerImage -Name NanoServer', text: 'Installs the newest version.' },
      { line: 'Find-ContainerImage WindowsServerCore | Install-ContainerImage', text: 'Installs what was found.' },
    ],
    load: async () => (await import('./acts/install-container-image.ts')).installContainerImage,
  },
  {
    name: 'Install-ContainerOSImage',
    aliases: ['Install-ContainerOSImages'],
    parameters: [
      {
        name: 'WimPath',
        type: 'string[]',
        position: 0,
        mandatory: true,
        wildcards: true,
        complete: 'file',
        help: 'The .wim file; of one that was split, all of its files, or a pattern of them: NanoServer*.swm.',
      },
      {
        name: 'Force',
        type: 'switch',
        help: 'Does not ask about what an image cannot hold of the file. No service has to be restarted any more.',
      },
      { name: 'Index', type: 'int64', help: 'Takes only this image of the file, from 1.' },
      { name: 'Name', type: 'string', help: 'Name of the image, in place of what the file says.' },
      { name: 'Publisher', type: 'string', help: 'Who published it; Demo is CN=Demo. Without it the file says it, or Windows in it.' },
      { name: 'Version', type: 'version', help: 'Version of the image, in place of what the file says.' },
    ],
    shouldProcess: 'Medium',
    synopsis: 'Installs a base OS image from a .wim file.',
    description:
      'Installs what is in a .wim file as a base OS image: its first image as the files, and its second, where it has one, as the system that isolates by Hyper-V. No network is needed. What was installed before stays as it is.',
    examples: [
      { line: 'Install-ContainerOSImage -WimPath C:\\container-image\\NanoServer.wim -Force', text: 'Installs from this file.' },
      { line: 'Install-ContainerOSImage -WimPath ./tools.wim -Publisher Demo', text: 'Installs it as published by CN=Demo.' },
    ],
    load: async () => (await import('./acts/install-container-os-image.ts')).installContainerOSImage,
  },
  {
    name: 'Move-ContainerImageRepository',
    parameters: [
      {
        name: 'Path',
        type: 'string',
        position: 0,
        mandatory: true,
        complete: 'folder',
        help: 'The folder that all images are to be in. It must not be there yet, and be on a disk of this computer.',
      },
      { name: 'Passthru', type: 'switch', help: 'Writes the host, with the new place.' },
      asJob,
      ...elsewhere(),
    ],
    shouldProcess: 'Medium',
    output: typeNames.host,
    passthru: true,
    synopsis: 'Moves all container images of this host to another folder.',
    description:
      'Moves the repository with everything in it: images, containers, volumes. Servers and commands that use it go on meanwhile. The old folder goes last.',
    examples: [
      { line: 'Move-ContainerImageRepository -Path c:\\container-images', text: 'Moves the repository there.' },
      { line: 'Move-ContainerImageRepository -Path /srv/images -Passthru', text: 'Moves it, and shows the host with its new place.' },
    ],
    load: async () => (await import('./acts/move-container-image-repository.ts')).moveContainerImageRepository,
  },
];
