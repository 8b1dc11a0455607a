/** The rows of the table that are about containers and their host. */

import type { Cmdlet, Parameter } from './cmdlet.ts';
import { asJob, elsewhere } from './elsewhere.ts';
import { typeNames } from './views.ts';

const container: Parameter = {
  name: 'Container',
  type: 'Container[]',
  in: { Container: { position: 0, mandatory: true, byValue: true } },
  help: 'The container: an object of Get-Container.',
};

export const containerCmdlets: readonly Cmdlet[] = [
  {
    name: 'Get-Container',
    sets: ['Name', 'Id'],
    parameters: [
      {
        name: 'Name',
        type: 'string[]',
        complete: 'container-name',
        wildcards: true,
        in: { Name: { position: 0, byValue: true } },
        help: 'Names of containers, in any case. Wildcards are allowed.',
      },
      {
        name: 'Id',
        aliases: ['ContainerId'],
        type: 'string',
        in: { Id: { mandatory: true, byPropertyName: true } },
        help: "Its ContainerId, which -Name takes too, or docker's id or the beginning of it.",
      },
      ...elsewhere(),
    ],
    output: typeNames.container,
    synopsis: 'Lists the containers of this host.',
    description: "Lists containers in any state, docker's too.",
    examples: [
      { line: 'Get-Container', text: 'All containers.' },
      { line: "Get-Container -Name 'web*'", text: 'Those whose name begins with web.' },
    ],
    load: async () => (await import('./acts/get-container.ts')).getContainer,
  },
  {
    name: 'New-Container',
    sets: ['ContainerImageName', 'ContainerImage'],
    parameters: [
      { name: 'Name', type: 'string', position: 0, help: 'Name of the container; without it one is made up.' },
      {
        name: 'ContainerImageName',
        type: 'string',
        complete: 'image-name',
        in: { ContainerImageName: { mandatory: true } },
        help: 'Name of the image that it stands on.',
      },
      {
        name: 'ContainerImagePublisher',
        type: 'string',
        complete: 'image-publisher',
        in: { ContainerImageName: {} },
        help: "The image's publisher, where several have the name.",
      },
      {
        name: 'ContainerImageVersion',
        type: 'version',
        complete: 'image-version',
        in: { ContainerImageName: {} },
        help: "The image's version, where there are several.",
      },
      {
        name: 'ContainerImage',
        type: 'ContainerImage',
        in: { ContainerImage: { mandatory: true, byValue: true } },
        help: 'The image: an object of Get-ContainerImage.',
      },
      { name: 'MemoryStartupBytes', type: 'int64', help: 'Bytes of memory that it may use, where -MaximumMemoryBytes does not say it.' },
      { name: 'MaximumMemoryBytes', type: 'int64', help: 'Bytes of memory that it may use.' },
      {
        name: 'Path',
        type: 'string',
        complete: 'folder',
        help: 'Accepted with a warning: files of containers are kept with the images, and Move-ContainerImageRepository moves both.',
      },
      { name: 'NetworkName', aliases: ['SwitchName'], type: 'string', help: 'The network that it is connected to.' },
      { name: 'ContainerComputerName', type: 'string', help: 'The name of the computer that it sees itself as.' },
      { name: 'RuntimeType', type: 'string', values: ['Default', 'HyperV'], help: 'HyperV isolates a Windows container by Hyper-V.' },
      asJob,
      ...elsewhere('ContainerImageName'),
    ],
    shouldProcess: 'Low',
    output: typeNames.container,
    synopsis: 'Makes a container of an image.',
    description: 'Makes a container that stands on the image, and does not start it. As long as it is there, the image cannot be removed.',
    examples: [
      { line: 'New-Container -Name demo -ContainerImageName WindowsServerCore', text: 'Makes the container demo.' },
      { line: 'Get-ContainerImage -Name NanoServer | New-Container -Name demo', text: 'The same with the image from a pipeline.' },
    ],
    load: async () => (await import('./acts/new-container.ts')).newContainer,
  },
  {
    name: 'Remove-Container',
    sets: ['Name', 'Container'],
    parameters: [
      {
        name: 'Name',
        type: 'string[]',
        complete: 'container-name',
        in: { Name: { position: 0, mandatory: true, byValue: true } },
        wildcards: true,
        help: 'Names of containers, in any case. Wildcards are allowed.',
      },
      container,
      { name: 'Force', type: 'switch', help: 'Does not ask, and removes one that runs too.' },
      { name: 'Passthru', type: 'switch', help: 'Writes the container that was removed.' },
      asJob,
      ...elsewhere('Name'),
    ],
    shouldProcess: 'High',
    output: typeNames.container,
    passthru: true,
    synopsis: 'Removes a container.',
    description: 'Removes a container with all that was changed in it. The image that it stands on stays.',
    examples: [
      { line: 'Remove-Container -Name demo -Force', text: 'Removes the container demo without asking.' },
      { line: "Get-Container -Name 'demo*' | Remove-Container", text: 'Asks for each of them.' },
    ],
    load: async () => (await import('./acts/remove-container.ts')).removeContainerAct,
  },
  {
    name: 'Get-ContainerHost',
    parameters: elsewhere().map((parameter, position) => (position < 2 ? { ...parameter, position } : parameter)),
    output: typeNames.host,
    synopsis: 'Shows this host of containers.',
    description: 'Shows the name of this computer, and the folder that its container images are kept in.',
    examples: [
      { line: 'Get-ContainerHost', text: 'The host and its repository of images.' },
      { line: 'Get-ContainerHost | Select-Object ContainerImageRepositoryLocation', text: 'The folder alone.' },
    ],
    load: async () => (await import('./acts/get-container-host.ts')).getContainerHost,
  },
];
