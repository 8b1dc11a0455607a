/** A small .wim of a Windows base image, layer-shaped, that says who it is. */
import { writeWim } from '../../src/formats/wim/write-wim.ts';
import type { NewWimEntry } from '../../src/formats/wim/new-wim.ts';
import { wimAttributes } from '../../src/formats/wim/wim-entry.ts';
import { someTime } from './wim-trees.ts';

export interface MakeWimOptions {
  readonly name: string;
  /** Four parts. */
  readonly version: string;
  readonly description?: string;
  /** Without it the file says that it is Windows, and no publisher of its own. */
  readonly publisher?: string;
  /** Bytes of a file that cannot be packed. */
  readonly filler?: Uint8Array;
}

const times = { created: someTime, accessed: someTime, written: someTime };

function folder(name: string, children: readonly NewWimEntry[]): NewWimEntry {
  return { name, attributes: wimAttributes.directory, ...times, children };
}

function file(name: string, bytes: Uint8Array): NewWimEntry {
  return { name, attributes: wimAttributes.archive, ...times, content: { bytes } };
}

export async function makeWim(path: string, options: MakeWimOptions): Promise<void> {
  const [major = 0, minor = 0, build = 0, spBuild = 0] = options.version.split('.').map(Number);
  const config = folder(
    'config',
    ['SYSTEM', 'SOFTWARE', 'SAM', 'SECURITY', 'DEFAULT'].map((hive) => file(hive, Buffer.from(`regf of ${hive} ${options.version}`))),
  );
  const system = folder('System32', [config, file('cmd.exe', options.filler ?? Buffer.from(`MZ ${options.name}`))]);
  const root = folder('', [folder('Users', []), folder('Windows', [system])]);
  await writeWim(
    path,
    [
      {
        name: options.name,
        description: options.description,
        created: new Date('2015-10-30T07:00:00Z'),
        windows: {
          architecture: 9,
          productName: 'Microsoft® Windows® Operating System',
          editionId: 'ServerDatacenter',
          installationType: 'Server',
          version: { major, minor, build, spBuild },
        },
        containerImage: options.publisher === undefined ? undefined : { publisher: options.publisher, version: options.version },
        root,
      },
    ],
    {},
  );
}
