/** `bay wim ls`. */

import { once } from 'node:events';
import { fileTimeMilliseconds } from '../../../formats/wim/wim-images.ts';
import { unixDataOf } from '../../../formats/wim/wim-items.ts';
import type { WimNode } from '../../../formats/wim/wim-tree.ts';
import { command } from '../grammar.ts';
import { printable } from '../../../io/printable.ts';
import { chosenIndex, findInImage, indexFlag, openWim, wimFileFlags } from './wim-files.ts';

/** Lines written at once. */
const batch = 1000;

export const wimLs = command({
  description: 'List the files of an image in a WIM file: all that is at or below a path, each with its path from the root.',
  operands: { usage: 'FILE [PATH]', min: 1, max: 2 },
  flags: {
    index: indexFlag,
    json: { type: 'bool', help: 'Print one JSON document: a list, an entry a line' },
    ...wimFileFlags,
    long: { type: 'bool', short: 'l', help: 'Show attributes or mode, size and time too' },
  },
  examples: [
    ['All files', 'bay wim ls base.wim'],
    ['A folder, with sizes and times', 'bay wim ls -l base.wim Windows/System32/drivers'],
  ],
  async run({ flags, operands, terminal }) {
    await using wim = await openWim(operands[0], flags, terminal);
    const index = chosenIndex(wim, flags.index);
    const tree = await wim.tree(index, terminal);
    const from = findInImage(wim, index, tree, operands[1] ?? '');
    const prefix = (operands[1] ?? '')
      .split(/[\\/]/)
      .filter((name) => name !== '' && name !== '.')
      .map((name) => `/${name}`)
      .join('');
    const show = flags.json ? jsonEntry : flags.long ? longLine : (path: string) => printable(path);
    const lines: string[] = [];
    let isFirst = true;
    const write = async (path: string, node: WimNode) => {
      lines.push(flags.json ? `${isFirst ? '[' : ','}${show(path, node)}\n` : `${show(path, node)}\n`);
      isFirst = false;
      if (lines.length >= batch) await flush();
    };
    const flush = async () => {
      terminal.signal.throwIfAborted();
      if (!terminal.stdout.write(lines.splice(0).join(''))) await once(terminal.stdout, 'drain', { signal: terminal.signal });
    };
    await write(prefix === '' ? '/' : prefix, from);
    for (const { path, node } of tree.walk(from)) await write(`${prefix}/${path}`, node);
    if (flags.json) lines.push(']\n');
    await flush();
  },
});

/** Digits of 2^53 would be wider than any line; larger sizes push what follows. */
const sizeWidth = 12;

function longLine(path: string, node: WimNode): string {
  const unix = unixDataOf(node.items);
  const rights = unix ? `${modeText(unix.mode)} ${unix.uid}:${unix.gid}` : attributesText(node.attributes);
  const size = String(node.data?.size ?? 0).padStart(sizeWidth);
  const streams = node.streams.map(
    ({ name, data }) =>
      `\n${' '.repeat(rights.length)} ${String(data.size).padStart(sizeWidth)} ${' '.repeat(20)} ${printable(`${path}:${name}`)}`,
  );
  return `${rights} ${size} ${timeText(node.written)} ${printable(path)}${streams.join('')}`;
}

function timeText(time: bigint): string {
  const date = new Date(fileTimeMilliseconds(time));
  return Number.isNaN(date.getTime()) ? '-'.padEnd(20) : `${date.toISOString().slice(0, 19)}Z`;
}

const attributeLetters = [
  [0x10, 'd'],
  [0x400, 'l'],
  [0x20, 'a'],
  [0x1, 'r'],
  [0x2, 'h'],
  [0x4, 's'],
] as const;

/** `da---` as PowerShell's Mode, with the system bit last. */
function attributesText(attributes: number): string {
  return attributeLetters.map(([bit, letter]) => (attributes & bit ? letter : '-')).join('');
}

const typeLetters: Readonly<Record<number, string>> = { 0o01: 'p', 0o02: 'c', 0o04: 'd', 0o06: 'b', 0o10: '-', 0o12: 'l', 0o14: 's' };

function modeText(mode: number): string {
  const triple = (shift: number, special: boolean, letter: string) => {
    const bits = mode >>> shift;
    const run = bits & 1;
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${special ? (run ? letter : letter.toUpperCase()) : run ? 'x' : '-'}`;
  };
  return `${typeLetters[(mode >>> 12) & 0o17] ?? '?'}${triple(6, (mode & 0o4000) !== 0, 's')}${triple(3, (mode & 0o2000) !== 0, 's')}${triple(0, (mode & 0o1000) !== 0, 't')}`;
}

function jsonEntry(path: string, node: WimNode): string {
  const { shortName, attributes, data, reparse, streams, linkGroup, items } = node;
  const unix = unixDataOf(items);
  return JSON.stringify({
    path,
    type: node.isFolder ? 'directory' : node.isReparsePoint ? 'reparse-point' : 'file',
    attributes,
    created: isoText(node.created),
    accessed: isoText(node.accessed),
    written: isoText(node.written),
    ...(shortName === '' ? {} : { shortName }),
    ...(data ? { size: data.size, sha1: data.sha1 } : {}),
    ...(data?.isMissing ? { isMissing: true } : {}),
    ...(reparse ? { reparse: { tag: reparse.tag, flags: reparse.flags, size: reparse.data.size } } : {}),
    ...(streams.length > 0 ? { streams: streams.map(({ name, data: { size, sha1 } }) => ({ name, size, sha1 })) } : {}),
    ...(linkGroup === 0n ? {} : { linkGroup: String(linkGroup) }),
    ...(node.descriptorNumber >= 0 ? { securityDescriptor: node.descriptorNumber } : {}),
    ...(unix ? { uid: unix.uid, gid: unix.gid, mode: unix.mode } : {}),
  });
}

function isoText(time: bigint): string | null {
  const date = new Date(fileTimeMilliseconds(time));
  // All seven digits that the file has: Date holds three.
  return Number.isNaN(date.getTime()) ? null : `${date.toISOString().slice(0, 19)}.${String(time % 10_000_000n).padStart(7, '0')}Z`;
}
