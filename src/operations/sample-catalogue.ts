import { join } from 'node:path';
import { fileTime } from '../formats/wim/file-time.ts';
import type { NewWimEntry } from '../formats/wim/new-wim.ts';
import { wimAttributes } from '../formats/wim/wim-entry.ts';
import { writeWim } from '../formats/wim/write-wim.ts';
import { directoryDescriptor, fileDescriptor } from '../layers/windows.ts';
import { securityDescriptor } from '../layers/security-descriptor.ts';
import { buildCatalog } from './build-catalog.ts';
import { makeFolderPath } from '../io/make-folder-path.ts';

/** Of the sample, which is the same on every machine. */
const created = new Date('2026-01-01T00:00:00Z');
const publisher = 'CN=Bayplan Samples';

export interface SampleCatalogue {
  /** A folder with a catalogue and the .wim file that it lists: what a source is registered for. */
  readonly folder: string;
  readonly wim: string;
  /** The image that is in it. */
  readonly name: string;
}

/** Makes a catalogue of one small base image in the shape of a Windows one, in a .wim file. It is a sample: nobody's system is in it. What is there is made anew. */
export async function makeSampleCatalogue(folder: string): Promise<SampleCatalogue> {
  makeFolderPath(folder);
  const name = 'SampleNano';
  const wim = join(folder, `${name}.wim`);
  await writeWim(
    wim,
    [
      {
        name,
        description: 'Sample base image in the shape of Windows Nano Server',
        created,
        windows: { architecture: 9, version: { major: 10, minor: 0, build: 20348, spBuild: 1 } },
        containerImage: { publisher, version: '1.0.0.0' },
        root: folderOf('', [
          file('License.txt', 'A sample image. Not a Windows image, and no part of one.\r\n'),
          folderOf('Users', [folderOf('ContainerUser', [])]),
          folderOf('Windows', [
            folderOf('System32', [
              file('cmd.exe', 'A sample stands where the command interpreter would.\r\n'),
              folderOf(
                'config',
                ['DEFAULT', 'SAM', 'SECURITY', 'SOFTWARE', 'SYSTEM'].map((hive) => file(hive, 'sample')),
              ),
            ]),
          ]),
        ]),
      },
    ],
    { overwrite: true },
  );
  await buildCatalog(folder, { publisher });
  return { folder, wim, name };
}

const time = fileTime(BigInt(created.getTime()) * 1_000_000n);
const times = { created: time, accessed: time, written: time };

function folderOf(name: string, children: readonly NewWimEntry[]): NewWimEntry {
  return { name, attributes: wimAttributes.directory, descriptor: securityDescriptor(directoryDescriptor), ...times, children };
}

function file(name: string, text: string): NewWimEntry {
  return {
    name,
    attributes: wimAttributes.archive,
    descriptor: securityDescriptor(fileDescriptor),
    ...times,
    content: { bytes: Buffer.from(text) },
  };
}
