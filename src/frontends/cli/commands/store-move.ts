/** `bay store move`. */

import { typedPath } from '../../../io/path-rules.ts';
import { moveStore } from '../../../operations/move-store.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { ProgressRows } from '../progress.ts';
import { humanSize } from '../units.ts';

export const storeMove = command({
  description:
    'Move the store, with all images, containers and volumes, to PATH, which must not exist yet: on the same disk or on another one of this machine. Servers and commands may go on with it meanwhile.',
  operands: { usage: 'PATH', min: 1, max: 1 },
  flags: {
    json: { type: 'bool', help: 'Print one JSON document' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
  },
  examples: [
    ['To another disk', 'bay store move /data/images'],
    ['And back', 'bay store move ~/.local/share/bayplan/store'],
  ],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const [path] = operands;
    await using store = await openStore(invocation);
    const shows = terminal.isTTY.stdout && !flags.json && !flags.quiet;
    using rows = new ProgressRows(terminal);
    const moved = await moveStore({ store }, terminal.env, typedPath(terminal.cwd, path), {
      signal: terminal.signal,
      onMove: ({ state, current, total }) => {
        if (shows) rows.row({ id: 'store', status: statuses[state], ...(total > 0 ? { current, total } : {}) });
      },
    });
    if (flags.json) terminal.print(`${JSON.stringify(moved)}\n`);
    else if (flags.quiet) terminal.print(`${moved.to}\n`);
    else rows.line(`Moved the store from ${moved.from} to ${moved.to}${moved.how === 'copied' ? ` (${humanSize(moved.bytes)})` : ''}`);
    if (!moved.removed)
      terminal.stderr.write(
        `Note: ${moved.from} is still in use by what began before the move; the first command after its end removes it.\n`,
      );
  },
});

const statuses = {
  copying: 'Copying',
  waiting: 'Waiting for those who write',
  switching: 'Switching',
  removing: 'Removing the old folder',
};
