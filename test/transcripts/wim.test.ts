/** WIM files as they are asked for on a command line. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ImageError } from '../../src/errors.ts';
import { unixDataItem } from '../../src/formats/wim/wim-items.ts';
import { unixLinkReparse } from '../../src/formats/wim/wim-reparse.ts';
import { run } from '../../src/frontends/cli/run.ts';
import { memoryTerminal } from '../support/memory-terminal.ts';
import { rawMetadata, rawWim, storedChunks, type RawEntry } from '../support/raw-wim.ts';
import { temporary } from '../support/temporary.ts';
import { Console, skipWithoutShell } from './console.ts';

const unix = (mode: number): Buffer => {
  const { tag, data } = unixDataItem({ uid: 1000, gid: 100, mode, rdev: 0 });
  const item = Buffer.alloc(8 + data.length);
  item.writeUInt32LE(tag, 0);
  item.writeUInt32LE(data.length, 4);
  item.set(data, 8);
  return item;
};

const xml = `<WIM><IMAGE INDEX="1"><NAME>NanoServer</NAME><DESCRIPTION>Nano Server</DESCRIPTION><DIRCOUNT>2</DIRCOUNT><FILECOUNT>3</FILECOUNT><TOTALBYTES>120034</TOTALBYTES>
<CREATIONTIME><HIGHPART>0x01D18BAC</HIGHPART><LOWPART>0x2F3A4B5C</LOWPART></CREATIONTIME><WINDOWS><ARCH>9</ARCH><PRODUCTNAME>Microsoft Windows</PRODUCTNAME><EDITIONID>ServerNano</EDITIONID>
<LANGUAGES><LANGUAGE>en-US</LANGUAGE></LANGUAGES><VERSION><MAJOR>10</MAJOR><MINOR>0</MINOR><BUILD>14393</BUILD><SPBUILD>0</SPBUILD></VERSION></WINDOWS>
<CONTAINERIMAGE><PUBLISHER>CN=Microsoft</PUBLISHER></CONTAINERIMAGE></IMAGE><IMAGE INDEX="2"><NAME>Tools</NAME><DIRCOUNT>1</DIRCOUNT><FILECOUNT>2</FILECOUNT></IMAGE></WIM>`;

const windows: readonly RawEntry[] = [
  {
    name: 'Windows',
    children: [
      {
        name: 'notes.txt',
        shortName: 'NOTES~1.TXT',
        attributes: 0x21,
        content: Buffer.from('Hello.\n'),
        security: 0,
        streams: [{ name: 'Zone', content: Buffer.from('[ZoneTransfer]\n') }],
      },
      { name: 'large.bin', content: Buffer.alloc(120_000, 'large ') },
    ],
  },
  { name: 'Users', attributes: 0x416, reparseTag: 0xa0000003, content: Buffer.alloc(60) },
];
const tools: readonly RawEntry[] = [
  { name: 'run', attributes: 0x80, content: Buffer.from('#!/bin/sh\n'), items: unix(0o104755) },
  {
    name: 'link',
    attributes: 0x400,
    reparseTag: 0xa000000c,
    content: Buffer.from(unixLinkReparse('run')?.data ?? []),
    items: unix(0o120777),
  },
];

function writeFiles(folder: string): void {
  const images = [rawMetadata(windows, [Buffer.alloc(40, 1)]), rawMetadata(tools)];
  const blobs = images.flatMap(({ contents }) => contents);
  const file = rawWim({
    flags: 0x40002,
    chunkSize: 32_768,
    images: images.map(({ bytes }) => bytes),
    blobs: blobs.map((blob) => storedChunks(blob)),
    xml,
    integrity: 100_000,
  });
  writeFileSync(join(folder, 'base.wim'), file.file);
  const damaged = Buffer.from(file.file);
  damaged.writeUInt8(damaged.readUInt8((file.resourcesAt[4] ?? 0) + 50_000) ^ 1, (file.resourcesAt[4] ?? 0) + 50_000);
  writeFileSync(join(folder, 'damaged.wim'), damaged);
}

test('WIM files: what they hold, whether it is right, and their files', { skip: skipWithoutShell }, async (t) => {
  const console = new Console(t);
  writeFiles(console.folder);
  await console.type('bay wim info base.wim');
  await console.type('bay wim info --json base.wim');
  await console.type('bay wim ls base.wim');
  await console.type('bay wim ls -i 1 base.wim');
  await console.type('bay wim ls -l -i 1 base.wim Windows');
  await console.type('bay wim ls -l -i 2 base.wim');
  await console.type('bay wim ls --json -i 2 base.wim');
  await console.type('bay wim cat -i 1 base.wim Windows/notes.txt');
  await console.type("bay wim cat -i 1 --stream Zone base.wim 'Windows\\notes.txt'");
  await console.type('bay wim cat -i 1 --stream zone base.wim Windows/notes.txt');
  await console.type('bay wim cat -i 1 base.wim windows/notes.txt');
  await console.type('bay wim cat -i 1 base.wim Windows');
  await console.type('bay wim verify base.wim');
  await console.type('bay wim verify --json base.wim');
  await console.type('bay wim verify damaged.wim');
  await console.type('bay wim extract -i 1 --path Windows base.wim out');
  await console.type('ls -l out | cut -c1-10');
  await console.type('bay wim extract -i 1 --path Windows base.wim out');
  await console.type('bay wim extract -i 3 base.wim other');
  await console.type('bay wim verify --limit chunk=1000 base.wim');
  await console.type('bay wim verify --limit chunks=1000 base.wim');
  await console.type('bay wim info nosuch.wim');
  await console.type('echo no WIM | tee no.wim >/dev/null; bay wim info no.wim');
  console.matches('wim.txt');
});

test('on a terminal a line says how much is done, and is taken away', async (t) => {
  const folder = temporary(t, 'wim-cli');
  writeFiles(folder);
  const terminal = memoryTerminal({ isTTY: true, cwd: folder });
  assert.equal(await run(['wim', 'verify', 'base.wim'], terminal), 0);
  assert.match(terminal.err, /\r\u001b\[KVerifying \d+% [\d.]+k?B\/120\.\d+kB/);
  assert.ok(terminal.err.endsWith('\r\u001b[K'));
  const script = memoryTerminal({ cwd: folder });
  assert.equal(await run(['wim', 'verify', 'base.wim'], script), 0);
  assert.equal(script.err, '');
});

test('Ctrl-C ends it, and leaves nothing of what was extracted', async (t) => {
  const folder = temporary(t, 'wim-cli');
  writeFiles(folder);
  for (const words of [
    ['wim', 'verify', 'base.wim'],
    ['wim', 'extract', '-i', '1', '--path', 'Windows', 'base.wim', 'out'],
  ]) {
    const terminal = memoryTerminal({ cwd: folder });
    const ended = run(words, terminal);
    terminal.interrupt(new ImageError('canceled', 'canceled', { detail: { exitCode: 130 } }));
    assert.equal(await ended, 130);
    assert.equal(terminal.out, '');
  }
  assert.ok(!existsSync(join(folder, 'out')), readdirSync(folder).join());
});
