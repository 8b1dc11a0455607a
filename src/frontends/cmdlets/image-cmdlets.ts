/** The rows of the table that are about images of the store. */

import type { Cmdlet, Parameter } from './cmdlet.ts';
import { asJob, elsewhere } from './elsewhere.ts';
import { typeNames } from './views.ts';

const name = {
  name: 'Name',
  type: 'string',
  complete: 'image-name',
  wildcards: true,
  help: 'Name of the image, in any case. Wildcards are allowed.',
} as const satisfies Parameter;
const publisher = {
  name: 'Publisher',
  type: 'string',
  complete: 'image-publisher',
  wildcards: true,
  help: 'Who published it, as a distinguished name; Demo is CN=Demo.',
} as const satisfies Parameter;
const version = {
  name: 'Version',
  type: 'version',
  complete: 'image-version',
  help: 'Its version, one to four numbers; 1.0 is 1.0.0.0.',
} as const satisfies Parameter;

const image = {
  name: 'Image',
  type: 'ContainerImage',
  in: { Image: { position: 0, mandatory: true, byValue: true } },
  help: 'The image: an object of Get-ContainerImage.',
} as const satisfies Parameter;
const force = { name: 'Force', type: 'switch', help: 'Does not ask.' } as const satisfies Parameter;

/** The three that say which image, by position from `first` on, in a set of their own. */
const named = (first = 0): readonly Parameter[] =>
  [name, publisher, version].map((parameter, at) => ({ ...parameter, in: { Name: { position: at === 0 ? 0 : first + at } } }));

export const imageCmdlets: readonly Cmdlet[] = [
  {
    name: 'Get-ContainerImage',
    parameters: [
      { ...name, position: 0 },
      { ...publisher, position: 1 },
      { ...version, position: 2 },
      { name: 'ChildOf', type: 'ContainerImage', help: 'Only images that were made from this one.' },
      ...elsewhere(),
    ],
    output: typeNames.image,
    synopsis: 'Lists the container images of this host.',
    description:
      "Lists base OS images and the images that were made from them, docker's too, one object for each image. IsOSImage tells them apart, ParentImage is what an image was made from, and References has the names that docker knows it by.",
    examples: [
      { line: 'Get-ContainerImage', text: 'All images: first those that were made from others, then the base OS images.' },
      { line: "Get-ContainerImage -Name 'Nano*'", text: 'Those whose name begins with Nano.' },
      { line: 'Get-ContainerImage | Select-Object Name, ParentImage', text: 'What each image was made from; empty for a base OS image.' },
    ],
    load: async () => (await import('./acts/get-container-image.ts')).getContainerImage,
  },
  {
    name: 'New-ContainerImage',
    sets: ['ContainerName', 'Container', 'ContainerId'],
    parameters: [
      {
        name: 'ContainerName',
        type: 'string',
        complete: 'container-name',
        in: { ContainerName: { position: 0, mandatory: true } },
        help: 'Name of the container.',
      },
      {
        name: 'Container',
        type: 'Container',
        in: { Container: { position: 0, mandatory: true, byValue: true } },
        help: 'The container: an object of Get-Container or New-Container.',
      },
      {
        name: 'ContainerId',
        type: 'guid',
        in: { ContainerId: { position: 0, mandatory: true } },
        help: "Its ContainerId, the guid that the first half of docker's id makes.",
      },
      { name: 'Name', type: 'string', position: 1, mandatory: true, help: 'What the new image is called.' },
      { name: 'Publisher', type: 'string', position: 2, mandatory: true, help: 'Who publishes it; Demo is CN=Demo.' },
      { name: 'Version', type: 'version', position: 3, mandatory: true, help: 'Its version, two to four numbers; 1.0 is 1.0.0.0.' },
      ...elsewhere('ContainerName', 'ContainerId'),
    ],
    shouldProcess: 'Low',
    output: typeNames.image,
    synopsis: 'Makes a container image of a container.',
    description:
      'Takes all that was changed in the container as a new image, which depends on the image that the container stands on. The container stays as it is.',
    examples: [
      {
        line: 'New-ContainerImage -ContainerName web -Publisher Demo -Name DemoImage -Version 1.0',
        text: 'Makes the image DemoImage of the container web.',
      },
      {
        line: 'Get-Container web | New-ContainerImage -Publisher Demo -Name DemoImage -Version 1.1',
        text: 'The same with the container from a pipeline.',
      },
    ],
    load: async () => (await import('./acts/new-container-image.ts')).newContainerImage,
  },
  {
    name: 'Remove-ContainerImage',
    sets: ['Name', 'Image'],
    parameters: [...named(), image, force, ...elsewhere('Name')],
    shouldProcess: 'High',
    synopsis: 'Removes a container image.',
    description:
      'Removes an image with all names that docker knows it by. While a container depends on it, even a stopped one, or an image that was made from it, it stays, and the error says what is in the way. -Force leaves out the question, and lifts no such protection.',
    examples: [
      { line: 'Get-ContainerImage -Name DemoImage | Remove-ContainerImage -Force', text: 'Removes the image without asking.' },
      { line: 'Remove-ContainerImage -Name DemoImage -Version 1.0', text: 'Asks, and removes one version.' },
      { line: "Remove-ContainerImage -Name 'Demo*' -WhatIf", text: 'Says what would be removed.' },
    ],
    load: async () => (await import('./acts/remove-container-image.ts')).removeContainerImage,
  },
  {
    name: 'Test-ContainerImage',
    sets: ['Name', 'Image'],
    parameters: [...named(), image, asJob, ...elsewhere('Name')],
    output: typeNames.report,
    synopsis: 'Checks whether an image is whole and unchanged.',
    description:
      'Tests the images that are named, or all of them. Reads all of an image, unpacks each layer, and compares everything with the digests that name it. The report says what does not hold; an image that was damaged is no error of the cmdlet.',
    examples: [
      { line: 'Test-ContainerImage -Name NanoServer', text: 'Checks one image.' },
      { line: 'Get-ContainerImage | Test-ContainerImage', text: 'Checks all images.' },
    ],
    load: async () => (await import('./acts/test-container-image.ts')).testContainerImage,
  },
  {
    name: 'Export-ContainerImage',
    sets: ['Name', 'Image'],
    parameters: [
      ...named(1),
      { ...image, type: 'ContainerImage[]' },
      {
        name: 'Path',
        type: 'string',
        position: 1,
        mandatory: true,
        wildcards: true,
        complete: 'folder',
        help: 'The folder that the file is written into. A pattern must mean one folder.',
      },
      { name: 'Force', type: 'switch', help: 'Overwrites a file that is there.' },
      { name: 'Passthru', type: 'switch', help: 'Writes the image.' },
      asJob,
      ...elsewhere('Name'),
    ],
    shouldProcess: 'Low',
    output: typeNames.image,
    passthru: true,
    synopsis: 'Exports a container image into a file.',
    description:
      'Writes the image into FOLDER\\PUBLISHER_NAME_VERSION.appx, with all its layers, for Import-ContainerImage on another host. What is in the file is an OCI archive, which docker load reads too. Base OS images are not exported: they are installed on each host.',
    examples: [
      { line: 'Export-ContainerImage -Name DemoImage -Path .', text: 'Writes ./CN=Demo_DemoImage_1.0.0.0.appx.' },
      { line: 'Get-ContainerImage -Name DemoImage | Export-ContainerImage -Path C:\\exports -Force', text: 'Overwrites what is there.' },
    ],
    load: async () => (await import('./acts/export-container-image.ts')).exportContainerImage,
  },
  {
    name: 'Import-ContainerImage',
    parameters: [
      {
        name: 'Path',
        type: 'string',
        position: 0,
        mandatory: true,
        aliases: ['PSPath'],
        byValue: true,
        byPropertyName: true,
        wildcards: true,
        complete: 'file',
        help: 'The file that Export-ContainerImage has written, or any archive of an image. A pattern means all files that fit.',
      },
      asJob,
      ...elsewhere(),
    ],
    shouldProcess: 'Low',
    output: typeNames.image,
    synopsis: 'Imports container images from a file.',
    description:
      'Brings back what Export-ContainerImage has written, with its name, publisher and version. It reads archives of docker and of other tools as well.',
    examples: [
      { line: "Import-ContainerImage -Path './CN=Demo_DemoImage_1.0.0.0.appx'", text: 'Imports one image.' },
      { line: 'Import-ContainerImage images.tar', text: 'Imports what docker save has written.' },
      { line: "Import-ContainerImage -Path 'C:\\exports\\*.appx'", text: 'Imports all that was exported there.' },
    ],
    load: async () => (await import('./acts/import-container-image.ts')).importContainerImage,
  },
  {
    name: 'Uninstall-ContainerOSImage',
    sets: ['FullName', 'ContainerImage'],
    parameters: [
      {
        name: 'FullName',
        aliases: ['ImageName'],
        type: 'string',
        complete: 'image-full-name',
        in: { FullName: { position: 0, mandatory: true, byValue: true } },
        help: 'Its FullName, as in CN=Microsoft_NanoServer_10.0.10586.0; or its name, where only one base OS image has that.',
      },
      {
        name: 'ContainerImage',
        type: 'ContainerImage',
        in: { ContainerImage: { position: 0, mandatory: true, byValue: true } },
        help: 'The image: an object of Get-ContainerImage.',
      },
      { name: 'Force', type: 'switch', help: 'Accepted, as no service has to be restarted any more.' },
    ],
    shouldProcess: 'Medium',
    synopsis: 'Removes a base OS image.',
    description:
      'Removes an image that was installed. While a container depends on it, even a stopped one, or an image that was made from it, it stays, and the error says what is in the way.',
    examples: [
      { line: 'Get-ContainerImage -Name NanoServer | Uninstall-ContainerOSImage', text: 'Removes the base OS image NanoServer.' },
      { line: 'Uninstall-ContainerOSImage -FullName CN=Microsoft_NanoServer_10.0.10586.0', text: 'Removes one version of it.' },
    ],
    load: async () => (await import('./acts/uninstall-container-os-image.ts')).uninstallContainerOSImage,
  },
];
