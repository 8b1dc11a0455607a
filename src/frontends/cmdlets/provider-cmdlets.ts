/** The rows of the table that are about the PowerShell module itself, under the name that the page has for it. */

import type { Cmdlet, Parameter } from './cmdlet.ts';

const name: Parameter = {
  name: 'Name',
  type: 'string',
  position: 0,
  mandatory: true,
  help: 'Name of the provider: ContainerProvider.',
};
const scope: Parameter = {
  name: 'Scope',
  type: 'string',
  values: ['CurrentUser', 'AllUsers'],
  help: 'Whose modules it is among: yours, which is the default, or those of all users of this computer.',
};

export const providerCmdlets: readonly Cmdlet[] = [
  {
    name: 'Install-PackageProvider',
    parameters: [name, { name: 'Force', type: 'switch', help: 'Installs it again where it is installed already.' }, scope],
    shouldProcess: 'Medium',
    synopsis: 'Installs the module of these cmdlets where PowerShell finds it.',
    description:
      'Puts the module Bayplan, which has all cmdlets for container images, into the folder of modules that PowerShell looks into by itself; on Windows into that of PowerShell 7 and that of Windows PowerShell. Where PackageManagement is installed, PowerShell has a cmdlet of this name already: then this one is on the command line of bay only.',
    examples: [
      {
        line: 'Install-PackageProvider ContainerProvider -Force',
        text: 'Installs the module, or installs it again. In a new PowerShell the cmdlets are there.',
      },
      {
        line: 'Install-PackageProvider ContainerProvider -Scope AllUsers',
        text: 'Installs it for all users, which takes the rights of an administrator.',
      },
    ],
    load: async () => (await import('./acts/install-package-provider.ts')).installPackageProvider,
  },
  {
    name: 'Uninstall-PackageProvider',
    parameters: [name, scope],
    shouldProcess: 'Medium',
    synopsis: 'Takes the module of these cmdlets away from PowerShell.',
    description: 'Removes what Install-PackageProvider has installed. The store and its images stay; bay still has the cmdlets.',
    examples: [
      { line: 'Uninstall-PackageProvider ContainerProvider', text: 'Removes the module.' },
      { line: 'Uninstall-PackageProvider ContainerProvider -WhatIf', text: 'Says what would be removed.' },
    ],
    load: async () => (await import('./acts/uninstall-package-provider.ts')).uninstallPackageProvider,
  },
];
