const arenas = 'MALLOC_ARENA_MAX';

/**
 * What keeps a server small that has worked and is idle now; docs/decisions/0043-engine-api.md has the figures. Called first: nothing may be open yet.
 * On Linux the process starts again, as itself, with two arenas of malloc and not one for nearly each of Node's ten threads: glibc reads its settings before any code of ours runs.
 */
export function staySmall(): void {
  const { env, execArgv, argv, execPath, platform } = process;
  // Early releases of Node 22 have no such call.
  if (platform === 'linux' && env[arenas] === undefined && process.execve) {
    try {
      process.execve(execPath, [execPath, ...execArgv, ...argv.slice(1)], { ...env, [arenas]: '2' });
    } catch {
      // Node's permissions may forbid it. Then the server is larger.
    }
  }
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  // V8's last compiler is itself 5 MB of Node that are loaded as it runs first: a hundred times as much work before that, so that only a busy server has it.
  setFlagsFromString('--invocation-count-for-turbofan=300000');
  // It would come sooner by this way, for a few loops over a list.
  setFlagsFromString('--no-use-osr');
}
