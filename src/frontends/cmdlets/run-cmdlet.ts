import { Call, type Bound } from './call.ts';
import { CmdletHost } from './cmdlet-host.ts';
import type { Cmdlet } from './cmdlet.ts';
import { refuseElsewhere } from './elsewhere.ts';
import { errorRecord } from './error-record.ts';
import type { Shell } from './shell.ts';

/**
 * Runs a cmdlet: one turn for each set of parameters that a shell has bound, of which there is one for each object of the pipeline. An error ends its turn alone.
 * @param turns parameters are bound and valid by the table
 */
export async function runCmdlet(cmdlet: Cmdlet, turns: AsyncIterable<Bound> | Iterable<Bound>, shell: Shell): Promise<void> {
  await using host = new CmdletHost(shell);
  const act = await cmdlet.load();
  for await (const bound of turns) {
    if (shell.signal.aborted) throw shell.signal.reason;
    try {
      refuseElsewhere(cmdlet, bound);
      await act(new Call(cmdlet, host, bound), shell);
    } catch (error) {
      if (shell.signal.aborted) throw shell.signal.reason;
      await shell.writeError(errorRecord(error));
    }
  }
}
