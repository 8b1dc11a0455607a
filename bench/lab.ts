import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';

import { run, type Command, type RunOptions } from './command.ts';
import { startDocker, startDockerDoor, type Docker } from './docker.ts';
import { gigabyteImage, mixedImage, newFiles, tinyImages, type MadeImage } from './made-images.ts';
import { systemPath } from '../test/support/peers.ts';
import { peer } from './peers.ts';
import { startDoor, startRegistry, type RegistryServer } from './registry-server.ts';

/** The published entry. Another build is measured by `BENCH_BAY`. */
export const bayFile: string = process.env['BENCH_BAY'] ?? join(import.meta.dirname, '..', 'dist', 'bay.js');

/** Where the benches work: inputs, scratch folders, and servers that several rows use. What was started here ends with it. */
export class Lab implements AsyncDisposable {
  /** Made once, and kept for the next run by `BENCH_KEEP`. */
  readonly #inputs: string;
  /** Gone after the run. */
  readonly work: string;
  readonly #ends: (() => Promise<void>)[] = [];
  readonly #made = new Map<string, Promise<unknown>>();

  constructor(folder: string) {
    this.#inputs = join(folder, 'inputs');
    this.work = join(folder, 'work');
  }

  /** The home of a user who has set nothing. Made late: `work` may be a mount that is laid after this was made. */
  #user(): string {
    const user = join(this.work, 'user');
    mkdirSync(user, { recursive: true });
    // Where the variable names a folder, buildah wants the file to be there.
    writeFileSync(join(user, 'config.json'), '{}');
    return user;
  }

  bay(...args: readonly string[]): Command {
    return [process.execPath, bayFile, ...args];
  }

  /** What every command gets, and nothing else: settings of the user's own would count too. */
  options(home?: string, more: Omit<RunOptions, 'env'> = {}): RunOptions {
    const user = this.#user();
    return {
      env: {
        PATH: [dirname(process.execPath), ...systemPath].join(delimiter),
        HOME: user,
        TMPDIR: this.work,
        LC_ALL: 'C.UTF-8',
        DOCKER_CONFIG: user,
        ...(home === undefined ? {} : { BAY_HOME: home }),
      },
      ...more,
    };
  }

  /** An empty folder: what an earlier round left there is gone. */
  async fresh(name: string): Promise<string> {
    const folder = join(this.work, name);
    await rm(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  mixed(): Promise<MadeImage> {
    return this.#once('mixed', () => mixedImage(this.#inputs));
  }

  gigabyte(): Promise<MadeImage> {
    return this.#once('gigabyte', () => gigabyteImage(this.#inputs));
  }

  tiny(count: number): Promise<string> {
    return this.#once(`tiny-${count}`, () => tinyImages(this.#inputs, count));
  }

  newFiles(): Promise<string> {
    return this.#once('new files', () => newFiles(this.#inputs));
  }

  /** A home of ours with all of the tiny images. */
  tinyHome(count: number): Promise<string> {
    return this.#once(`tiny-home-${count}`, async () => {
      const home = await this.fresh(`tiny-home-${count}`);
      await run(this.bay('load', '-q', '-i', await this.tiny(count)), this.options(home));
      return home;
    });
  }

  /** docker-registry, empty at first. */
  registry(): Promise<RegistryServer> {
    return this.#once('registry', async () => {
      const server = await startRegistry(peer('docker-registry'), await this.fresh('registry'), this.options());
      this.#ends.push(() => server.end());
      return server;
    });
  }

  /** Our own door over a fresh store. */
  door(): Promise<RegistryServer> {
    return this.#once('door', async () => {
      const server = await startDoor(this.bay('serve', '--listen', '127.0.0.1:0'), this.options(await this.fresh('door')));
      this.#ends.push(() => server.end());
      return server;
    });
  }

  /** dockerd with nothing in it. */
  docker(): Promise<Docker> {
    return this.#once('docker', async () => {
      const docker = await startDocker(peer('docker'), peer('dockerd'), await this.fresh('docker'), this.options());
      this.#ends.push(() => docker.end());
      return docker;
    });
  }

  /** docker's client against our own Engine API door, over a home of ours. */
  dockerDoor(home: string): Promise<Docker> {
    return this.#once(`docker door of ${home}`, async () => {
      const door = await startDockerDoor(peer('docker'), this.bay('serve', '--listen', '127.0.0.1:0'), home, this.options(home));
      this.#ends.push(() => door.end());
      return door;
    });
  }

  /** A home of ours that has the image in its store. */
  homeWith({ layout, name }: MadeImage): Promise<string> {
    return this.#once(`home with ${name}`, async () => {
      const home = await this.fresh(`home-${name.replaceAll(/\W/g, '-')}`);
      await run(this.bay('copy', '-q', `oci:${layout}:${name}`, name), this.options(home));
      return home;
    });
  }

  /** Puts an image of ours into a registry. @returns its name there */
  published({ layout, name }: MadeImage, { host }: RegistryServer): Promise<string> {
    const there = `${host}/${name}`;
    return this.#once(there, async () => {
      await run(this.bay('copy', '-q', `oci:${layout}:${name}`, `docker://${there}`), this.options(await this.fresh('home')));
      return there;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  async #once<T>(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#made.get(key) as Promise<T> | undefined;
    if (known) return await known;
    const made = make();
    this.#made.set(key, made);
    return await made;
  }
}
