/** Small images for transcripts: those of the page by its names, in the shape of Windows layers, with a thousandth of the page's sizes, and Linux ones. */
import { writeTar } from '../../src/formats/tar/write-tar.ts';
import { windowsBaseLayer } from '../../src/layers/windows.ts';
import { parsePlatform } from '../../src/model/platform.ts';
import { parseReference } from '../../src/model/reference.ts';
import { append } from '../../src/operations/append.ts';
import { importImage } from '../../src/operations/import-image.ts';
import { makeIndex } from '../../src/operations/make-index.ts';
import { tag } from '../../src/operations/tag.ts';
import { storeFolder } from '../../src/io/home-folder.ts';
import { ImageStore } from '../../src/store/image-store.ts';

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

/** How long ago things were made, so that the tables say what the page's say. Each leaves room for a slow run. */
export const ago = {
  aMinute: 62 * second,
  threeMinutes: 185 * second,
  fiveHours: 5 * hour + second,
  twoDays: 50 * hour,
  twoWeeks: 15 * day,
} as const;

export interface NewImage {
  /** Its first name; without one it is dangling. */
  readonly name?: string;
  /** Default: that of its base, else Windows, of the version that its tag is. */
  readonly platform?: string;
  readonly base?: string;
  /** Milliseconds before now. */
  readonly age: number;
  /** Bytes of the one large file in its layer. */
  readonly size: number;
  readonly createdBy?: string;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  /** More names of it. */
  readonly also?: readonly string[];
}

export const nanoserver = (version: string, age: number): NewImage => ({ name: `nanoserver:${version}`, age, size: 783_200 });
export const windowsservercore = (version: string, age: number): NewImage => ({
  name: `windowsservercore:${version}`,
  age,
  size: 9_148_000,
});

/** Makes them in the home's store, in this order. @returns their digests */
export async function makeImages(home: string, images: readonly NewImage[]): Promise<readonly string[]> {
  const now = Date.now();
  await using store = await openStore(home);
  const made: string[] = [];
  for (const { name, platform, base, age, size, createdBy, changes = [], also = [] } of images) {
    const reference = name === undefined ? undefined : parseReference(name);
    const host = { store, now: () => new Date(now - age) };
    const content = Buffer.alloc(size, name ?? 'dangling');
    const isLinux = platform?.startsWith('linux') === true || base?.startsWith('debian') === true;
    const layer = isLinux
      ? writeTar([{ entry: { path: 'srv/data.bin', type: 'file', mode: 0o644 }, body: content }])
      : windowsBaseLayer([{ path: `Files/${reference?.repository.replaceAll('/', '-') ?? 'data'}.bin`, content }]);
    const target =
      base === undefined
        ? await importImage(host, layer, {
            reference,
            changes,
            message: '',
            platform: parsePlatform(platform ?? `windows/amd64:${osVersion(name)}`),
          })
        : await append(host, base, layer, { reference, changes, createdBy });
    for (const other of also) await tag(host, target.digest, other);
    made.push(target.digest);
  }
  return made;
}

/** Makes one name of images of several platforms. */
export async function makeIndexOf(home: string, names: readonly string[], name: string): Promise<string> {
  await using store = await openStore(home);
  return (await makeIndex({ store }, names, parseReference(name))).digest;
}

async function openStore(home: string): Promise<ImageStore> {
  return await ImageStore.open(await storeFolder({ BAY_HOME: home }), { actor: 'test' });
}

function osVersion(name = ''): string {
  return /\d+\.\d+\.\d+(?:\.\d+)?$/.exec(name)?.[0] ?? '10.0.10586.0';
}
