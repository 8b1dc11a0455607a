import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isSystemError } from '../errors.ts';

/**
 * Names a process so that a later one can tell that it has ended. A process id alone means nothing: another container has its own, and they are used again.
 * So on Linux the mark says which boot, which id namespace, and when the process began; elsewhere which machine. Any file system takes it as a part of a name:
 * a file that bears it in its name is never there without it.
 */
export function processMark(pid = process.pid): string {
  return `${idSpace()}.${pid}.${startOf(pid) ?? ''}`;
}

/** What `processMark` writes, as a regular expression. */
export const markPattern = '[0-9a-f]{16}\\.\\d+\\.\\d*';
const markParts = /^([0-9a-f]{16})\.(\d+)\.(\d*)(?: |$)/;

/** True where the process has surely ended. False also where it cannot be told: it is of another container, or another machine. @param mark what follows a space is not read */
export function hasEnded(mark: string): boolean {
  const [, where, digits, start] = markParts.exec(mark) ?? [];
  const pid = Number(digits);
  if (where !== idSpace() || !Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return isSystemError(error, 'ESRCH');
  }
  const now = startOf(pid);
  return now !== undefined && start !== undefined && start !== '' && now !== start;
}

let space: string | undefined;

function idSpace(): string {
  return (space ??= createHash('sha256').update(spaceName()).digest('hex').slice(0, 16));
}

function spaceName(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname(); // no Linux, or no /proc
  }
}

/** When a process began, in clock ticks since boot: the 22nd field of `stat` (proc(5)). Undefined where there is none to read. */
function startOf(pid: number): string | undefined {
  try {
    // `unshare --pid` leaves /proc as it was: a number there is another process than here.
    if (readlinkSync('/proc/self') !== String(process.pid)) return undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name, with whatever is in it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined; // it ended, or there is no /proc
  }
}
