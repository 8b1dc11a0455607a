import { readVerified } from '../../io/verified.ts';
import { ImageError } from '../../errors.ts';
import { maxConfigBytes, parseConfig } from '../../model/config.ts';
import { isImageConfigType } from '../../model/media-types.ts';
import { maxManifestBytes, parseManifest } from '../../model/manifest.ts';
import type { Platform } from '../../model/platform.ts';
import { identifier, parseReference, withDefaultTag } from '../../model/reference.ts';
import { isAttestation } from '../../content/select-platform.ts';
import { search } from '../../operations/search.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import { withRegistries } from './caller-registries.ts';
import type { Exchange } from './exchange.ts';
import { credentialsOf, serverOf } from './registry-access.ts';

/** `GET /images/search`. */
export async function searchImages(exchange: Exchange): Promise<Answer> {
  const term = exchange.text('term') ?? '';
  // Docker's own number stands for none.
  const limit = exchange.number('limit', 'invalid limit specified: ') || undefined;
  const filters = exchange.filters();
  const slash = term.indexOf('/');
  const first = slash < 0 ? '' : term.slice(0, slash);
  const registry = /[.:]|^localhost$/.test(first) ? first : 'docker.io';
  const found = await withRegistries(exchange, registry, ({ registries }) =>
    search({ registries }, term, { limit, filters, signal: exchange.signal }),
  );
  return jsonAnswer(
    200,
    found.map(({ name, description, stars, official }) => ({
      star_count: stars,
      is_official: official,
      name,
      is_automated: false,
      description,
    })),
  );
}

/** `GET /distribution/{name}/json`: what the registry has, without bringing it here. */
export async function inspectDistribution(exchange: Exchange): Promise<Answer> {
  const reference = withDefaultTag(parseReference(exchange.name));
  const { signal } = exchange;
  return withRegistries(exchange, reference.registry, async ({ remote }) => {
    const repository = remote(reference);
    const target = await repository.resolve(identifier(reference), { signal });
    const bytes = await readVerified(() => repository.open(target, { signal }), target, maxManifestBytes);
    const document = parseManifest(bytes, target.mediaType);
    const platforms: Platform[] = [];
    if (document.kind === 'index') {
      for (const entry of document.manifests) if (entry.platform && !isAttestation(entry)) platforms.push(entry.platform);
    } else if (isImageConfigType(document.config.mediaType)) {
      const { config } = document;
      const { platform } = parseConfig(await readVerified(() => repository.open(config, { signal }), config, maxConfigBytes));
      if (platform) platforms.push(platform);
    }
    const { mediaType, digest, size } = target;
    return jsonAnswer(200, { Descriptor: { mediaType, digest, size }, Platforms: platforms });
  });
}

/** `POST /auth`: the client keeps what is answered; nothing is kept here. */
export async function checkCredentials(exchange: Exchange): Promise<Answer> {
  const auth = await exchange.looseJson('registry.AuthConfig');
  const server = serverOf(auth) ?? 'docker.io';
  const credentials = credentialsOf(auth);
  if (!credentials) throw new ImageError('unauthorized', `Get "https://${server}/v2/": unauthorized: no user name was given`);
  const kept = await withRegistries(exchange, server, ({ registries }) =>
    registries.prove(server, credentials, { signal: exchange.signal }),
  );
  return jsonAnswer(200, { Status: 'Login Succeeded', IdentityToken: 'identityToken' in kept ? kept.identityToken : '' });
}
