/** What stands before each line of a tree, so that one sees under which line it stands. */

/** @param depths of the lines in their order, 0 for those that stand under none; each at most one deeper than the one before */
export function treeLines(depths: readonly number[]): readonly string[] {
  const lines: string[] = [];
  /** Whether another line of this depth comes before one that is less deep: looked at from the end. */
  const more: boolean[] = [];
  for (const depth of depths.toReversed()) {
    let line = '';
    for (let level = 1; level < depth; level++) line += more[level] ? '│  ' : '   ';
    if (depth > 0) line += more[depth] ? '├─ ' : '└─ ';
    lines.push(line);
    more.length = depth + 1;
    more[depth] = true;
  }
  return lines.toReversed();
}
