/** WIM files beside wimlib: what is read, what is written, and a base image installed from one. */
import { createWriteStream, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { writeTar } from '../src/formats/tar/write-tar.ts';
import type { Bench } from './bench.ts';
import { cost, peakMemory, run } from './command.ts';
import { fileTree } from './file-tree.ts';
import type { Lab } from './lab.ts';
import { paired } from './paired.ts';
import { peer, type Peer } from './peers.ts';

/** Trees that are captured and installed; the first, for rows of many rounds, is the smaller one. */
const trees = {
  'wim-tree': { bytes: 4e8, text: '400 MB in 24,000 files' },
  'install-tree': { bytes: 1e9, text: '1 GB in 59,000 files' },
} as const;
const rounds = 5;
const slowRounds = 3;

const codecs = [
  { codec: 'LZX', words: ['--compress=lzx'], verify: 1.0, extract: 1.2 },
  { codec: 'XPRESS', words: ['--compress=xpress'], verify: 0.9, extract: 0.9 },
  { codec: 'LZMS', words: ['--compress=lzms', '--solid'], verify: 3, extract: 3 },
] as const;

export const wim: Bench = {
  word: 'wim',
  rows: [
    ...codecs.flatMap(({ codec, verify, extract }) => [
      {
        name: 'bay wim verify',
        peer: 'wimlib',
        measured: `wall, ${codec}, ${trees['wim-tree'].text}`,
        unit: 's',
        limit: { atMost: verify },
      } as const,
      { name: 'bay wim extract', peer: 'wimlib', measured: `wall, ${codec}, the same`, unit: 's', limit: { atMost: extract } } as const,
    ]),
    { name: 'bay wim create, LZX', peer: 'wimlib', measured: `wall, ${trees['wim-tree'].text}`, unit: 's', limit: { atMost: 1.5 } },
    { name: 'bay wim create, LZX', peer: 'wimlib', measured: 'size of the file', unit: 'MB', limit: { atMost: 1.05 } },
  ],
  async measure(lab) {
    const wimlib = peer('wimlib-imagex');
    const tree = await treeOf(lab, 'wim-tree');
    const samples = [];
    for (const { codec, words } of codecs) {
      const file = await captured(lab, wimlib, tree, codec, words);
      samples.push(
        await wall(
          lab,
          async () => lab.bay('wim', 'verify', file),
          async () => wimlib.command(['verify', file]),
        ),
        await wall(
          lab,
          async () => lab.bay('wim', 'extract', file, join(await lab.fresh('extracted'), 'tree')),
          async () => wimlib.command(['apply', file, '1', join(await lab.fresh('extracted'), 'tree'), '--unix-data']),
        ),
      );
      await lab.fresh('extracted');
    }
    const [ours, theirs] = [join(lab.work, 'ours.wim'), join(lab.work, 'theirs.wim')];
    const written = await wall(
      lab,
      async () => lab.bay('wim', 'create', '--force', tree, ours),
      async () => {
        await rm(theirs, { force: true });
        return wimlib.command(['capture', tree, theirs, '--compress=lzx', '--check', '--unix-data', '--norpfix']);
      },
      slowRounds,
    );
    const megabytes = (file: string) => [statSync(file).size / 1e6];
    return [...samples, written, { ours: megabytes(ours), theirs: megabytes(theirs) }];
  },
};

export const installWim: Bench = {
  word: 'install',
  rows: [
    {
      name: 'bay install FILE.wim, zstd',
      peer: 'wimlib apply',
      measured: `wall, LZX, ${trees['install-tree'].text}`,
      unit: 's',
      limit: { atMost: 2 },
    },
    { name: 'bay install FILE.wim', measured: 'peak RSS, the same', unit: 'MB', limit: { atMost: 300 } },
    { name: 'bay wim verify', measured: 'peak RSS, the same', unit: 'MB', limit: { atMost: 300 } },
    { name: 'bay wim extract', measured: 'peak RSS, the same', unit: 'MB', limit: { atMost: 300 } },
    { name: 'bay wim extract', measured: 'peak RSS, LZMS in chunks of 64 MiB, 400 MB in 24,000 files', unit: 'MB', limit: { atMost: 300 } },
    { name: 'bay wim create, LZX', measured: `peak RSS, ${trees['install-tree'].text}`, unit: 'MB', limit: { atMost: 300 } },
  ],
  async measure(lab) {
    const wimlib = peer('wimlib-imagex');
    const tree = await treeOf(lab, 'install-tree');
    const file = await captured(lab, wimlib, tree, 'install', ['--compress=lzx']);
    const solid = await captured(lab, wimlib, await treeOf(lab, 'wim-tree'), 'LZMS', ['--compress=lzms', '--solid']);
    const home = async () => {
      const folder = await lab.fresh('home');
      await pipeline(['{"compression":"zstd"}'], createWriteStream(join(folder, 'config.json')));
      return folder;
    };
    const install = lab.bay('install', file);
    const installed = await paired(
      slowRounds,
      async () => (await cost(install, lab.work, lab.options(await home()))).wall,
      async () => {
        const folder = join(await lab.fresh('extracted'), 'tree');
        return (await cost(wimlib.command(['apply', file, '1', folder, '--unix-data']), lab.work, lab.options())).wall;
      },
    );
    await lab.fresh('extracted');
    const peak = async (words: readonly string[], folder?: string) => ({
      ours: [(await peakMemory(lab.bay(...words), lab.options(folder))) / 1e6],
    });
    return [
      installed,
      await peak(['install', file], await home()),
      await peak(['wim', 'verify', file]),
      await peak(['wim', 'extract', file, join(await lab.fresh('extracted'), 'tree')]),
      await peak(['wim', 'extract', solid, join(await lab.fresh('extracted'), 'tree')]),
      await peak(['wim', 'create', '--force', tree, join(lab.work, 'ours.wim')]),
    ];
  },
};

async function wall(lab: Lab, ours: () => Promise<readonly string[]>, theirs: () => Promise<readonly string[]>, times: number = rounds) {
  const seconds = async (command: readonly string[]) => (await cost(command, lab.work, lab.options())).wall;
  return await paired(
    times,
    async () => await seconds(await ours()),
    async () => await seconds(await theirs()),
  );
}

/** A folder that both capture; in `work`, as is all that is written meanwhile. */
async function treeOf(lab: Lab, name: keyof typeof trees): Promise<string> {
  const folder = join(lab.work, name);
  if (isThere(folder)) return folder;
  const tar = join(lab.work, `${name}.tar`);
  await pipeline(writeTar(fileTree('tree', trees[name].bytes, 3)), createWriteStream(tar));
  await run(['tar', '-x', '-C', await lab.fresh(name), '-f', tar], lab.options());
  await rm(tar);
  return folder;
}

async function captured(lab: Lab, wimlib: Peer, tree: string, name: string, words: readonly string[]): Promise<string> {
  const file = join(lab.work, `${name}.wim`);
  if (!isThere(file))
    await run(
      wimlib.command(['capture', tree, file, ...words, '--check', '--unix-data', '--norpfix', 'Sample', 'A sample']),
      lab.options(),
    );
  return file;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
