/** All that a folder on the disk says of each of its paths, a line for each: two folders of the same lines are the same tree. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export interface TreeLinesOptions {
  /** With the times of symbolic links, which not every program can set. */
  readonly linkTimes?: boolean;
}

/** Times in units of 100 ns. The further names of one file name the first. */
export function treeLines(folder: string, { linkTimes = false }: TreeLinesOptions = {}): string[] {
  const firsts = new Map<bigint, string>();
  const lines: string[] = [];
  const visit = (path: string): void => {
    const whole = join(folder, path);
    const stats = lstatSync(whole, { bigint: true });
    const first = firsts.get(stats.ino) ?? path;
    firsts.set(stats.ino, first);
    const mode = Number(stats.mode).toString(8);
    const content = stats.isSymbolicLink()
      ? readlinkSync(whole)
      : stats.isFile()
        ? createHash('sha1').update(readFileSync(whole)).digest('hex')
        : `${stats.rdev}`;
    const time = stats.isSymbolicLink() && !linkTimes ? '' : String(stats.mtimeNs / 100n);
    lines.push(`${path} ${mode} ${stats.uid}:${stats.gid} ${time} ${content}${first === path ? '' : ` = ${first}`}`);
    if (stats.isDirectory()) for (const name of readdirSync(whole).sort()) visit(path === '' ? name : `${path}/${name}`);
  };
  visit('');
  return lines;
}
