import type { WimLoss } from '../../layers/wim-losses.ts';
import type { Call } from './call.ts';
import type { Shell } from './shell.ts';

/** Asks before something of a .wim is lost for good, unless -Force says that it may be. */
export function acceptLosses(call: Call, shell: Shell): (losses: readonly WimLoss[]) => Promise<boolean> {
  return async (losses) =>
    call.flag('Force') ||
    shell.shouldContinue(
      `Not all of the file can be kept: ${losses.map(({ text }) => text).join('; ')}.\nInstall it without that?`,
      'Confirm',
    );
}

/** Says what was lost, and what else was odd. */
export async function warnOf(
  { losses, warnings }: { readonly losses: readonly WimLoss[]; readonly warnings: readonly string[] },
  shell: Shell,
): Promise<void> {
  for (const warning of warnings) await shell.writeWarning(warning);
  for (const { asks, text } of losses) await (asks ? shell.writeWarning(`Not kept: ${text}.`) : shell.writeVerbose(`Not kept: ${text}.`));
}
