/** dockerode, which comes without types: as much of it as the tests use. */
import type { Readable } from 'node:stream';
// @ts-expect-error it has no types
import Untyped from 'dockerode';

type Json = Record<string, unknown>;

export interface Dockerode {
  readonly modem: {
    followProgress(stream: Readable, done: (error: Error | null, lines: Json[]) => void): void;
    demuxStream(stream: Readable, stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): void;
  };
  ping(): Promise<Buffer>;
  version(): Promise<Json>;
  info(): Promise<Json>;
  df(): Promise<Json>;
  pull(name: string, options?: Json): Promise<Readable>;
  listImages(options?: Json): Promise<Json[]>;
  pruneImages(options?: Json): Promise<Json>;
  loadImage(file: Readable | string, options?: Json): Promise<Readable>;
  importImage(file: Readable | string, options?: Json): Promise<Readable>;
  getEvents(options?: Json): Promise<Readable>;
  getImage(name: string): {
    inspect(options?: Json): Promise<Json>;
    history(): Promise<Json[]>;
    get(): Promise<Readable>;
    tag(options: Json): Promise<unknown>;
    push(options: Json): Promise<Readable>;
    remove(options?: Json): Promise<Json[]>;
    distribution(): Promise<Json>;
  };
  createContainer(options: Json): Promise<DockerodeContainer>;
  getContainer(id: string): DockerodeContainer;
  listContainers(options?: Json): Promise<Json[]>;
  pruneContainers(options?: Json): Promise<Json>;
  createVolume(options?: Json): Promise<{ readonly name: string }>;
  getVolume(name: string): { inspect(): Promise<Json>; remove(options?: Json): Promise<unknown> };
  listVolumes(options?: Json): Promise<Json>;
  listNetworks(options?: Json): Promise<Json[]>;
  getNetwork(id: string): { inspect(): Promise<Json> };
}

export interface DockerodeContainer {
  readonly id: string;
  inspect(options?: Json): Promise<Json>;
  rename(options: Json): Promise<unknown>;
  update(options: Json): Promise<Json>;
  changes(): Promise<Json[]>;
  export(): Promise<Readable>;
  getArchive(options: Json): Promise<Readable>;
  infoArchive(options: Json): Promise<{ headers: Record<string, string> }>;
  putArchive(file: Readable | Buffer | string, options: Json): Promise<unknown>;
  commit(options?: Json): Promise<Json>;
  start(options?: Json): Promise<unknown>;
  remove(options?: Json): Promise<unknown>;
}

const load = Untyped as new (options: Json) => Dockerode;

export function dockerode(options: { readonly socketPath: string } | Json): Dockerode {
  return new load({ ...options });
}

/** A stream of progress to its end. */
export function followed(docker: Dockerode, stream: Readable): Promise<Json[]> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, lines) => (error ? reject(error) : resolve(lines)));
  });
}
