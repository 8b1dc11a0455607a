import { ImageError } from '../../errors.ts';
import { errorRecord } from './error-record.ts';
import { runCmdlet } from './run-cmdlet.ts';
import { findCmdlet } from './table.ts';
import { WireShell, type WireEnds } from './wire-shell.ts';

/** Which lines go over the pipe: the module that asks for another is of another version. */
const wireVersion = '1';

/**
 * Runs one cmdlet for the PowerShell module, which sends its turns on stdin; or offers values for one of its parameters. Never throws: what went wrong is a record.
 * Resolves to the exit code.
 */
export async function runWire([version, name = '', purpose]: readonly string[], ends: WireEnds): Promise<number> {
  const shell = new WireShell(ends);
  try {
    const cmdlet = version === wireVersion ? findCmdlet(name) : undefined;
    if (!cmdlet)
      throw new ImageError('unsupported', `This bay has no ${name} for a module of that version`, {
        hint: 'Install the module that fits it: bay Install-PackageProvider ContainerProvider -Force',
      });
    const load = purpose === 'complete' ? async () => (await import('./complete-value.ts')).completeValue : cmdlet.load;
    await runCmdlet({ ...cmdlet, load }, shell.turns(), shell);
    return 0;
  } catch (error) {
    if (shell.signal.aborted) return 130;
    await shell.writeError(errorRecord(error));
    await shell.endTurn();
    return 1;
  } finally {
    await shell.close();
  }
}
