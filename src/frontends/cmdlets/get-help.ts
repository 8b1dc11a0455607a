/** What PowerShell's Get-Help is to a line of PowerShell, for the plain command line alone: there is none in the module. */

import type { Act } from './call.ts';
import { CmdletError } from './cmdlet-error.ts';
import type { Cmdlet } from './cmdlet.ts';

/** @param all the cmdlets that there is help for */
export const getHelp = (all: () => readonly Cmdlet[]): Cmdlet => ({
  name: 'Get-Help',
  parameters: [{ name: 'Name', type: 'string', position: 0, help: 'The cmdlet; without it all of them are listed.' }],
  synopsis: 'Shows what a cmdlet does and takes.',
  description: 'Lists all cmdlets, or shows the parameters and examples of one.',
  examples: [
    { line: 'Get-Help', text: 'All cmdlets.' },
    { line: 'Get-Help Install-ContainerImage', text: 'All about one of them.' },
  ],
  load: async () => helpAct(all()),
});

const helpAct =
  (cmdlets: readonly Cmdlet[]): Act =>
  async (call, shell) => {
    const wanted = call.text('Name')?.toLowerCase();
    if (wanted === undefined) {
      for (const { name, synopsis } of cmdlets)
        await shell.writeObject({ typeName: 'Bayplan.Help', properties: { Name: name, Synopsis: synopsis }, text: name });
      return;
    }
    const cmdlet = cmdlets.find(({ name, aliases = [] }) => [name, ...aliases].some((one) => one.toLowerCase() === wanted));
    if (!cmdlet)
      throw new CmdletError({
        message: `Get-Help could not find ${call.text('Name')} in a help file in this session.\nGet-Help lists what there is.`,
        id: 'HelpNotFound',
        category: 'ObjectNotFound',
        target: call.text('Name'),
        exceptionType: 'HelpNotFoundException',
      });
    const { helpText } = await import('./help-text.ts');
    for (const line of helpText(cmdlet, 80).trimEnd().split('\n')) await shell.writeObject(line);
  };
