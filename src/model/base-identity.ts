import type { Identity } from './identity.ts';
import { isTag, parseReference, type Reference } from './reference.ts';

/**
 * How it is known who published an image: a signature that was verified; what the .wim says (its CONTAINERIMAGE element); the catalogue that it came from; the user who
 * installed it; the image's own labels and annotations; or that the .wim holds a system of Microsoft's.
 */
export type PublisherSource = 'signature' | 'wim' | 'catalogue' | 'parameter' | 'image' | 'windows';

/** The annotation of a manifest that says it. */
export const publisherSourceKey = 'bayplan.publisher.source';

/** What an annotation may say: a signature is never believed to have been verified because somebody has written so. */
const sources: ReadonlySet<string> = new Set(['wim', 'catalogue', 'parameter', 'image', 'windows'] satisfies PublisherSource[]);

/** Reads the annotation, which is a claim like the publisher's name itself; an image that names a publisher and has none says so itself. */
export function publisherSource(
  identity: Identity,
  annotations: Readonly<Record<string, string>> | undefined,
): PublisherSource | undefined {
  if (identity.publisher === '') return undefined;
  const said = annotations?.[publisherSourceKey];
  return said !== undefined && sources.has(said) ? (said as PublisherSource) : 'image';
}

/** A publisher as images carry it: `Demo` is `CN=Demo`, what is a distinguished name already stays. */
export function normalizePublisher(text: string): string {
  const trimmed = text.trim();
  return trimmed === '' || trimmed.includes('=') ? trimmed : `CN=${trimmed}`;
}

/** `CN=Microsoft_NanoServer_10.0.10586.0`: what a base image's folder, key and exported file were called by. */
export function fullName({ publisher, name, version }: Identity): string {
  return [publisher, name, version].filter((part) => part !== '').join('_');
}

/** Letters of a repository's name that leave room for a host, a publisher and docker.io's own. */
const longest = 100;

/**
 * The name under which docker's side finds a base image: `nanoserver:10.0.10586.0` for NanoServer. Letters become small, and what no reference can have a hyphen.
 * `qualified`: with the publisher in front, `demo/nanoserver:…`, for where another's image has the plain name; undefined where there is no publisher.
 */
export function baseReference({ name, publisher, version }: Identity, qualified?: false): Reference;
export function baseReference(identity: Identity, qualified: boolean): Reference | undefined;
export function baseReference({ name, publisher, version }: Identity, qualified = false): Reference | undefined {
  const own = component(name) ?? 'image';
  const by = component(publisher.replace(/^\s*cn\s*=/i, '').replaceAll('.', '-'));
  if (qualified && by === undefined) return undefined;
  // A first part that is called so would be a host.
  const repository = qualified ? `${by === 'localhost' ? 'by-localhost' : by}/${own}` : own;
  const tag = version
    .replaceAll(/[^\w.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 128);
  return parseReference(`${repository}:${isTag(tag) ? tag : 'latest'}`);
}

/** One part of a repository's name; undefined where nothing is left. */
function component(text: string): string | undefined {
  const part = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/[._-]{2,}/g, '-')
    .slice(0, longest)
    .replaceAll(/^[._-]+|[._-]+$/g, '');
  if (part === '') return undefined;
  // Sixty-four digits would be an id.
  return /^[a-f0-9]{64}$/.test(part) ? `image-${part}` : part;
}
