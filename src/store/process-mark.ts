import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names a process so that a later one can tell that it has ended. A process id alone means nothing: another container has its own, and they are used again.
 * So on Linux the mark says which boot, which id namespace, and when the process began; elsewhere which machine.
 */
export function processMark(pid = process.pid): string {
  const where = idSpace();
  return `${where} ${pid} ${startOf(pid) ?? ''}`;
}

/** True where the process has surely ended. False also where it cannot be told: it is of another container, or another machine. */
export function hasEnded(mark: string): boolean {
  const [where, digits, start] = mark.split(' ');
  const pid = Number(digits);
  if (where !== idSpace() || !Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const now = startOf(pid);
  return now !== undefined && start !== undefined && start !== '' && now !== start;
}

function idSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return encodeURIComponent(hostname()); // no Linux, or no /proc
  }
}

/** When a process began, in clock ticks since boot: the 22nd field of `stat` (proc(5)). Undefined where there is none to read. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name, with whatever is in it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined; // it ended, or there is no /proc
  }
}
