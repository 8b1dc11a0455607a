import { ImageError, isImageError } from '../../errors.ts';
import { canonical, familiar, identifier, repositoryName, type Reference } from '../../model/reference.ts';
import { fetchTar } from '../../operations/fetch-tar.ts';
import { importImage } from '../../operations/import-image.ts';
import { load } from '../../operations/load.ts';
import { pull } from '../../operations/pull.ts';
import { localTags, push } from '../../operations/push.ts';
import { save } from '../../operations/save.ts';
import { transferStatus } from '../../operations/transfer-status.ts';
import { linesAnswer, type Answer } from './answer.ts';
import { withRegistries } from './caller-registries.ts';
import type { Exchange } from './exchange.ts';
import { joinReference, newName } from './new-name.ts';
import type { ProgressLines } from './progress-lines.ts';

/** `POST /images/create`: a pull, or an import of a tar that comes in the body or from a URL. */
export async function createImage(exchange: Exchange): Promise<Answer> {
  return exchange.text('fromImage') === undefined ? importTar(exchange) : pullImage(exchange, exchange.text('fromImage') ?? '');
}

function pullImage(exchange: Exchange, name: string): Answer {
  const given = joinReference(name, exchange.text('tag'));
  if (given.registry === 'docker.io' && given.repository === 'library/scratch')
    throw new ImageError('denied', "'scratch' is a reserved name");
  const platform = exchange.version >= 32 ? exchange.platform() : undefined;
  return linesAnswer(async (lines) =>
    withRegistries(exchange, given.registry, async ({ remote }) => {
      const { signal, desk } = exchange;
      const host = { store: desk.host.store, remote };
      const whole = given.tag === undefined && given.digest === undefined;
      const tags = whole ? await remote(given).tags({}, { signal }) : [];
      const references: readonly Reference[] = whole ? tags.map((tag) => ({ ...given, tag })) : [given];
      for (const reference of references) await pullOne(host, reference, { platform, signal }, lines);
    }).catch((error: unknown) => {
      // A stranger is not told whether there is such a thing: docker's status is that of a thing that is not.
      if (!isImageError(error, 'denied')) throw error;
      throw new ImageError('not-found', error.message, { hint: error.hint, detail: error.detail, cause: error });
    }),
  );
}

async function pullOne(
  host: Parameters<typeof pull>[0],
  reference: Reference,
  options: NonNullable<Parameters<typeof pull>[2]>,
  lines: ProgressLines,
): Promise<void> {
  let said = false;
  // Not before the registry has answered: until then an error has a status of its own, and `docker run` goes by it.
  const begin = (): void => {
    if (!said)
      lines.write({
        status: `Pulling from ${reference.repository}`,
        id: reference.digest === undefined ? identifier(reference) : canonical(reference),
      });
    said = true;
  };
  const { origin, changed } = await pull(host, reference, {
    ...options,
    onProgress: (event) => {
      begin();
      for (const status of transferStatus(event, 'pull')) lines.status(status);
    },
  });
  begin();
  lines.write({ status: `Digest: ${origin.digest}` });
  lines.write({
    status: `Status: ${changed ? 'Downloaded newer image' : 'Image is up to date'} for ${familiar(reference)}`,
  });
}

async function importTar(exchange: Exchange): Promise<Answer> {
  const source = exchange.text('fromSrc');
  if (source === undefined) throw new ImageError('invalid-argument', 'neither fromImage nor fromSrc says what to create an image from');
  const reference = newName(exchange);
  const platform = exchange.version >= 32 ? exchange.platform() : undefined;
  const { signal, desk } = exchange;
  return linesAnswer(async (lines) => {
    const tar =
      source === '-' ? exchange.bytes() : await fetchTar(/^[a-z][a-z0-9+.-]*:\/\//i.test(source) ? source : `http://${source}`, { signal });
    if (source !== '-') lines.write({ status: `Downloading from ${source}` });
    const root = await importImage(desk.host, tar, {
      reference,
      message: exchange.text('message') ?? (source === '-' ? undefined : `Imported from ${source}`),
      changes: exchange.texts('changes'),
      platform,
      signal,
    });
    lines.write({ status: root.digest });
  });
}

/** `POST /images/{name}/push`. Whatever goes wrong is said in the stream, as docker does. */
export async function pushImage(exchange: Exchange): Promise<Answer> {
  const given = joinReference(exchange.name, exchange.text('tag'));
  const [platform] = exchange.platformJson(46);
  const { desk, signal } = exchange;
  return linesAnswer(async (lines) =>
    withRegistries(exchange, given.registry, async ({ remote }) => {
      const host = { store: desk.host.store, remote };
      lines.write({ status: `The push refers to repository [${repositoryName(given)}]` });
      const whole = given.tag === undefined && given.digest === undefined;
      for (const reference of whole ? await localTags(host, given) : [given]) {
        const { root, origin } = await push(host, reference, {
          platform,
          signal,
          onProgress: (event) => {
            for (const status of transferStatus(event, 'push')) lines.status(status);
          },
        });
        lines.write({ status: `${identifier(reference)}: digest: ${root.digest} size: ${root.size}` });
        lines.write({ progressDetail: {}, aux: { Tag: identifier(reference), Digest: root.digest, Size: root.size } });
        // The client makes a note of it. Who asked for a platform knows.
        if (origin && !platform)
          lines.write({ progressDetail: {}, aux: { manifestPushedInsteadOfIndex: true, originalIndex: origin, selectedManifest: root } });
      }
    }),
  );
}

/** `GET /images/get` and `GET /images/{name}/get`. */
export async function getImages(exchange: Exchange): Promise<Answer> {
  const { desk, name, signal } = exchange;
  const names = name === '' ? exchange.texts('names') : [name];
  const [platform, ...others] = exchange.platformJson(48);
  if (others.length > 0) throw new ImageError('invalid-argument', 'multiple platform parameters not supported');
  const body = await save(desk.host, names, { platform, signal });
  return { status: 200, headers: { 'Content-Type': 'application/x-tar' }, body };
}

/** `POST /images/load`. Whatever goes wrong is said in the stream, as docker does. */
export function loadImages(exchange: Exchange): Answer {
  const quiet = exchange.flag('quiet', true);
  const [platform] = exchange.platformJson(48);
  const { desk, signal } = exchange;
  return linesAnswer(async (lines) => {
    const loaded = await load(desk.host, exchange.bytes(), {
      platform,
      signal,
      onProgress: (event) => {
        if (!quiet) for (const status of transferStatus(event, 'load')) lines.status(status);
      },
    }).catch((error: unknown) => {
      // Not before the archive is read to its end: skopeo takes the head of the answer for the end of its work.
      lines.start();
      throw error;
    });
    for (const { root, names } of loaded) {
      for (const reference of names) lines.write({ stream: `Loaded image: ${familiar(reference)}\n` });
      if (names.length === 0) lines.write({ stream: `Loaded image ID: ${root.digest}\n` });
    }
  });
}
