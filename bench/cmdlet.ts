/** A cmdlet in a PowerShell that runs already, beside the plain command: what the module adds to a start of ours. */
import { powershellModule, powershellSkip, startPowerShell } from '../test/support/powershell.ts';
import type { Bench } from './bench.ts';
import { cost } from './command.ts';
import { bayFile } from './lab.ts';
import { paired } from './paired.ts';
import { Skipped } from './skipped.ts';

export const cmdlet: Bench = {
  word: 'cmdlet',
  rows: [
    {
      name: 'Get-ContainerImage in a running PowerShell',
      peer: 'bay images',
      measured: 'wall, 10 images',
      unit: 'ms',
      limit: { atMost: 1.5 },
    },
  ],
  async measure(lab) {
    if (powershellSkip) throw new Skipped(powershellSkip);
    const home = await lab.tinyHome(10);
    const shell = startPowerShell({ env: { ...lab.options(home).env, BAYPLAN_BAY: bayFile } });
    try {
      await shell.type(`Import-Module '${powershellModule}'`);
      const call = async () => {
        const begun = performance.now();
        const { failed, text } = await shell.type('Get-ContainerImage | Out-Null');
        if (failed) throw new Error(text);
        return performance.now() - begun;
      };
      return [await paired(15, call, async () => (await cost(lab.bay('images'), lab.work, lab.options(home))).wall * 1000)];
    } finally {
      await shell.end();
    }
  },
};
