import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { asImageError, ImageError, isImageError } from '../errors.ts';
import type { ServeOptions } from '../frontends/cli/commands/serve.ts';
import type { Terminal } from '../frontends/cli/terminal.ts';
import { listen, registryDoor } from '../frontends/registry/door.ts';
import { Containers } from '../containers/containers.ts';
import { engineDoor, listenOnAddress, listenOnSocket, type EngineListening } from '../frontends/engine-api/door.ts';
import { isLoopback } from '../io/is-loopback.ts';
import { defaultDockerSocket, configuredCompression, samplesFolder } from '../io/home-folder.ts';
import { familiar } from '../model/reference.ts';
import { openHomeStore } from '../operations/open-store.ts';
import { loadSamples } from '../operations/samples.ts';
import type { ImageStore } from '../store/image-store.ts';
import { giveBackMemory } from './give-back-memory.ts';

/** Opens the store and every front door over it, says where they are, and stays until the terminal's signal. */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<number> {
  if (!isLoopback(options.host) && !options.openToAnyone)
    throw new ImageError(
      'insecure',
      `${options.host} is reachable from other machines, and the registry has neither TLS nor authentication`,
      {
        hint: 'Listen on 127.0.0.1, or say --open-to-anyone if anyone who reaches it may read, push and delete every image.',
      },
    );
  const { docker } = options;
  if (docker.listen && !docker.tls && !isLoopback(docker.listen.host))
    throw new ImageError(
      'insecure',
      `${docker.listen.host} is reachable from other machines, and whoever reaches the Docker Engine API can do everything`,
      {
        hint: 'Give --tls-cert, --tls-key and --tls-ca, or listen on 127.0.0.1.',
      },
    );
  await using store = await openHomeStore(terminal.env, { actor: 'serve', now: () => terminal.now() });
  const samples = options.samples ? await loadSamples({ store, now: () => terminal.now() }) : [];
  const doors: { close(): Promise<void> }[] = [];
  const keepMemory = giveBackMemory();
  try {
    const registry = await listen(registryDoor(store, { readOnly: options.readOnly === true || store.readOnly }), {
      host: options.host,
      port: options.port,
    });
    doors.push(registry);
    const engine = await openEngine(store, options, terminal);
    doors.push(...engine.opened);
    if (samples.length > 0) await showSamples(terminal);
    terminal.stdout.write(await welcome(terminal, store, registry.address, engine, samples));
    await stopped(terminal.signal);
  } finally {
    keepMemory();
    await Promise.all(doors.map((door) => door.close()));
  }
  terminal.stdout.write('Stopped.\n');
  return 0;
}

/** A source of sample base images, and what can be done with them. */
async function showSamples(terminal: Terminal): Promise<void> {
  const { makeSampleCatalogue } = await import('../operations/sample-catalogue.ts');
  const { registerSource } = await import('../operations/sources.ts');
  const { tellStory } = await import('./story.ts');
  const catalogue = await makeSampleCatalogue(samplesFolder(terminal.env));
  await registerSource(terminal.env, { kind: 'catalogue', name: 'Samples', location: catalogue.folder }, { replace: true });
  await tellStory(catalogue, terminal);
}

interface Engine {
  readonly opened: readonly EngineListening[];
  /** Why there is no socket at the usual place, which nobody asked for. */
  readonly withoutSocket?: string;
}

async function openEngine(
  store: ImageStore,
  { docker: { socket, listen: address, tls }, readOnly }: ServeOptions,
  terminal: Terminal,
): Promise<Engine> {
  const { env, cwd } = terminal;
  const door = engineDoor(
    {
      store,
      containers: new Containers(store, { compression: configuredCompression(terminal.env) }),
      now: () => terminal.now(),
      openRegistries: async (options) => (await import('../remote/registries.ts')).openRegistries({ env, ...options }),
    },
    { readOnly },
  );
  const opened: EngineListening[] = [];
  let withoutSocket: string | undefined;
  try {
    if (socket === undefined)
      try {
        opened.push(await listenOnSocket(door, defaultDockerSocket(env)));
      } catch (error) {
        // Two servers over one store are well, and the first has the usual place; some homes have too long a path.
        if (!isImageError(error, 'conflict', 'invalid-argument')) throw error;
        withoutSocket = error.message;
      }
    else if (socket !== 'none') opened.push(await listenOnSocket(door, socketPath(socket, cwd)));
    if (address) opened.push(await listenOnAddress(door, { ...address, tls: tls && (await readCertificates(tls, cwd)) }));
    return { opened, ...(withoutSocket === undefined ? {} : { withoutSocket }) };
  } catch (error) {
    await Promise.all(opened.map((one) => one.close()));
    throw error;
  }
}

/** Docker's own spelling of a place is understood too. */
function socketPath(text: string, cwd: string): string {
  const path = text.replace(/^unix:\/\//, '').replace(/^npipe:\/\//, '');
  return process.platform === 'win32' ? path.replaceAll('/', '\\') : resolve(cwd, path);
}

async function readCertificates(
  files: NonNullable<ServeOptions['docker']['tls']>,
  cwd: string,
): Promise<{ cert: Buffer; key: Buffer; ca: Buffer }> {
  const read = async (file: string): Promise<Buffer> => {
    try {
      return await readFile(resolve(cwd, file));
    } catch (error) {
      throw asImageError(error, `cannot read ${file}`);
    }
  };
  return { cert: await read(files.cert), key: await read(files.key), ca: await read(files.ca) };
}

async function welcome(
  terminal: Terminal,
  store: ImageStore,
  address: string,
  { opened, withoutSocket }: Engine,
  samples: readonly string[],
): Promise<string> {
  const bay = terminal.env.BAY_LAUNCHER ?? 'bay';
  const host = new URL(address).host;
  const first = (await store.names()).find(({ reference }) => reference.tag !== undefined)?.reference;
  const name = samples[0] ?? (first ? familiar(first) : 'IMAGE');
  const copy = samples[0] ?? (first ? `${first.repository}:${first.tag}` : 'IMAGE');
  return [
    `Bayplan is ready.`,
    `  Store     ${store.path}`,
    `  Registry  ${address}`,
    ...opened.map(({ address: docker }) => `  Docker    ${docker}`),
    ...(withoutSocket === undefined ? [] : [`  Docker    no socket: ${withoutSocket}`]),
    ...(samples.length === 0 ? [] : ['', `The store was empty: it has ${samples.length} sample images now.`]),
    '',
    'Try, in a second terminal:',
    `  ${bay} images`,
    `  ${bay} history ${name}`,
    `  ${bay} copy ${name} docker://${host}/try/${copy}`,
    ...opened.slice(0, 1).map(({ address: docker }) => `  docker -H ${docker} images`),
    `  ${bay} help`,
    '',
    'Ctrl-C stops the server.',
    '',
  ].join('\n');
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
