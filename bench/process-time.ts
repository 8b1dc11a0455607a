import { readdirSync, readFileSync } from 'node:fs';

/** Linux tells times in these units a second, whatever the kernel's own clock. */
const ticks = 100;

/** CPU seconds that a running process, its living descendants, and those that they waited for, have used (proc(5), /proc/PID/stat). */
export function processTime(pid: number): number {
  const children = new Map<number, number[]>();
  const times = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statOf(name);
    if (fields === undefined) continue;
    const parent = Number(fields[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    times.set(Number(name), fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / ticks);
  }
  const of = (process: number): number => (children.get(process) ?? []).reduce((sum, child) => sum + of(child), times.get(process) ?? 0);
  return of(pid);
}

/** The fields after the program's name, which may hold spaces: state, parent, … */
function statOf(pid: string): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  } catch {
    // It has ended since the folder was read.
    return undefined;
  }
}
