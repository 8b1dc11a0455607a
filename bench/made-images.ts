/** The images that the bench works on, made by our own verbs, the same on every run. */
import { createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { compress } from '../src/formats/compression/compress.ts';
import { writeTar, type NewTarMember } from '../src/formats/tar/write-tar.ts';
import { digestOf } from '../src/model/digest.ts';
import { parsePlatform } from '../src/model/platform.ts';
import { parseReference } from '../src/model/reference.ts';
import { append } from '../src/operations/append.ts';
import { importImage } from '../src/operations/import-image.ts';
import { ImageStore } from '../src/store/image-store.ts';
import { fileTree, packedFile, smallFiles } from './file-tree.ts';

const platform = parsePlatform('linux/amd64');
const date = new Date('2026-01-02T03:04:05Z');

/** An OCI layout with one image, made by a store of ours. */
export interface MadeImage {
  readonly layout: string;
  readonly name: string;
}

const megabyte = 1e6;

/** Six layers of gzip, 900 MB unpacked in 50,000 files. */
export function mixedImage(folder: string): Promise<MadeImage> {
  const sizes = [300, 200, 150, 120, 80, 50].map((size) => size * megabyte);
  return madeImage(folder, 'mixed', sizes, (size, at) => compress(writeTar(fileTree(`layer-${at}`, size, at + 1)), 'gzip'));
}

/** Four layers that nothing can pack: 1 GB on the wire. */
export function gigabyteImage(folder: string): Promise<MadeImage> {
  const sizes = Array.from({ length: 4 }, () => 250 * megabyte);
  return madeImage(folder, 'gigabyte', sizes, (size, at) => writeTar(packedFile(`file-${at}`, size, at + 1)));
}

async function madeImage(
  folder: string,
  what: string,
  sizes: readonly number[],
  layer: (size: number, at: number) => AsyncIterable<Uint8Array>,
): Promise<MadeImage> {
  const layout = join(folder, what);
  const name = `bench/${what}:latest`;
  if (existsSync(layout)) return { layout, name };
  const draft = `${layout}.draft`;
  await rm(draft, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  {
    await using store = await ImageStore.open(draft, { now: () => date });
    const host = { store, now: () => date };
    for (const [at, size] of sizes.entries()) {
      if (at === 0) await importImage(host, layer(size, at), { reference: parseReference(`${what}:step-0`), platform });
      else
        await append(host, `${what}:step-${at - 1}`, layer(size, at), {
          reference: parseReference(at === sizes.length - 1 ? name : `${what}:step-${at}`),
          createdBy: `made layer ${at}`,
        });
    }
    for (const at of sizes.slice(1).keys()) await store.untag(parseReference(`${what}:step-${at}`), { verb: 'untag' });
    for (const { names, target } of await store.images()) if (names.length === 0) await store.forget(target.digest, { verb: 'rmi' });
    await store.sweep();
  }
  // What is kept for later runs is what any version of ours can read.
  await rm(join(draft, 'bay'), { recursive: true });
  renameSync(draft, layout);
  return { layout, name };
}

/** A tar of 39,000 small files, 90 MB. */
export async function newFiles(folder: string): Promise<string> {
  const file = join(folder, 'new-files.tar');
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const draft = `${file}.draft`;
  await pipeline(writeTar(smallFiles('new', 39_000, 5)), createWriteStream(draft));
  renameSync(draft, file);
  return file;
}

/** A docker archive of so many tiny images, ten tags to a repository, each with a layer of its own. */
export async function tinyImages(folder: string, count: number): Promise<string> {
  const file = join(folder, `tiny-${count}.tar`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const draft = `${file}.draft`;
  await pipeline(writeTar(tinyArchive(count)), createWriteStream(draft));
  renameSync(draft, file);
  return file;
}

async function* tinyArchive(count: number): AsyncGenerator<NewTarMember> {
  const manifest: unknown[] = [];
  for (let at = 0; at < count; at++) {
    const layer = Buffer.concat(await writeTar([{ entry: { path: `file-${at}` }, body: `image ${at}\n` }]).toArray());
    const created = new Date(date.getTime() + at * 60_000).toISOString();
    const config = JSON.stringify({
      created,
      os: 'linux',
      architecture: 'amd64',
      config: { Env: ['PATH=/usr/bin:/bin'], Cmd: ['/bin/true'], Labels: { number: `${at}` } },
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      history: [{ created, created_by: `COPY file-${at} /` }],
    });
    const id = digestOf(Buffer.from(config)).slice('sha256:'.length);
    yield { entry: { path: `${id}.json` }, body: config };
    yield { entry: { path: `layer-${at}.tar` }, body: layer };
    const tag = `tiny/app-${Math.floor(at / 10)
      .toString()
      .padStart(4, '0')}:1.0.${at % 10}`;
    manifest.push({ Config: `${id}.json`, RepoTags: [tag], Layers: [`layer-${at}.tar`] });
  }
  yield { entry: { path: 'manifest.json' }, body: JSON.stringify(manifest) };
}
