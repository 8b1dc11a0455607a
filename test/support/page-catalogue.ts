/** A catalogue with the names, the publisher, the versions and the descriptions that the page shows, of small .wim files in the shape of Windows. */
import { join } from 'node:path';

import { fileTime } from '../../src/formats/wim/file-time.ts';
import type { NewWimEntry } from '../../src/formats/wim/new-wim.ts';
import { wimAttributes } from '../../src/formats/wim/wim-entry.ts';
import { writeWim } from '../../src/formats/wim/write-wim.ts';
import { securityDescriptor } from '../../src/layers/security-descriptor.ts';
import { directoryDescriptor, fileDescriptor } from '../../src/layers/windows.ts';
import { buildCatalog } from '../../src/operations/build-catalog.ts';

const pageImages = [
  {
    name: 'NanoServer',
    description: 'Container OS Image of Windows Server 2016 Technical Preview 4 : Nano Server Installation',
    files: { 'License.txt': 'nano' },
  },
  {
    name: 'WindowsServerCore',
    description: 'Container OS Image of Windows Server 2016 Technical Preview : Windows Server Core Installation',
    files: { 'License.txt': 'core', 'bootmgr.txt': 'boot' },
  },
] as const;

const created = fileTime(BigInt(Date.UTC(2015, 9, 29)) * 1_000_000n);
const times = { created, accessed: created, written: created };

/** Writes the files and the catalogue into a folder that is there. @param build of version 10.0.BUILD.0 @param content of a further file in each image, of any size */
export async function makePageCatalogue(
  folder: string,
  { build = 10586, content }: { build?: number; content?: Uint8Array } = {},
): Promise<string> {
  for (const { name, description, files } of pageImages) {
    const inside = Object.entries(files).map(([path, text]) => file(path, Buffer.from(text)));
    await writeWim(join(folder, `${name}.wim`), [
      {
        name,
        description,
        created: new Date(Date.UTC(2015, 9, 29)),
        windows: {
          architecture: 9,
          productName: 'Microsoft Windows Operating System',
          version: { major: 10, minor: 0, build, spBuild: 0 },
        },
        root: folderOf('', [...inside, ...(content ? [file('content.bin', content)] : []), windows]),
      },
    ]);
  }
  await buildCatalog(folder, { publisher: 'CN=Microsoft' });
  return folder;
}

const windows = folderOf('Windows', [
  folderOf('System32', [
    file('cmd.exe', Buffer.from('a command interpreter')),
    folderOf('config', ['DEFAULT', 'SAM', 'SECURITY', 'SOFTWARE', 'SYSTEM'].map((hive) => file(hive, Buffer.from('hive')))),
  ]),
]); // prettier-ignore

function folderOf(name: string, children: readonly NewWimEntry[]): NewWimEntry {
  return { name, attributes: wimAttributes.directory, descriptor: securityDescriptor(directoryDescriptor), ...times, children };
}

function file(name: string, bytes: Uint8Array): NewWimEntry {
  return { name, attributes: wimAttributes.archive, descriptor: securityDescriptor(fileDescriptor), ...times, content: { bytes } };
}
