import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, sep } from 'node:path';

export interface FileSystem {
  /** As the kernel calls it: `tmpfs`, `ext4` … Undefined where it cannot be told. */
  readonly type: string | undefined;
  /**
   * True for ext4 that has no journal: it does not use the inodes of files that were deleted in the last minutes, and walks past them one by one,
   * so that "remove, then pull again" measures that walk and nothing else (`recently_deleted` in the kernel's fs/ext4/ialloc.c).
   */
  readonly slowAfterRemoval: boolean;
}

/** The file system that an existing folder is on (proc_pid_mountinfo(5)). */
export function fileSystemOf(folder: string): FileSystem {
  const path = realpathSync(folder);
  let found: { point: string; device: string; type: string } | undefined;
  for (const line of mounts()) {
    const [left = '', right = ''] = line.split(' - ');
    const [, , device = '', , escaped = ''] = left.split(' ');
    const point = escaped.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    const holds = path === point || path.startsWith(point.endsWith(sep) ? point : point + sep);
    // Of two at one place the later one covers the earlier.
    if (holds && (!found || point.length >= found.point.length)) found = { point, device, type: right.split(' ')[0] ?? '' };
  }
  return { type: found?.type, slowAfterRemoval: found?.type === 'ext4' && !hasJournal(found.device) };
}

function mounts(): string[] {
  if (process.platform !== 'linux') return [];
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(Boolean);
}

/** Each running journal has a folder there, named for its device. */
function hasJournal(device: string): boolean {
  try {
    const name = basename(realpathSync(`/sys/dev/block/${device}`));
    return readdirSync('/proc/fs/jbd2').some((journal) => journal.startsWith(`${name}-`));
  } catch {
    // No journal runs on this machine at all, or /sys does not know the device: one that is not seen is not relied on.
    return false;
  }
}
