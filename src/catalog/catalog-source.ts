import { createPublicKey, type KeyObject } from 'node:crypto';
import { ImageError } from '../errors.ts';
import { isObject } from '../model/descriptor.ts';
import { parseReference } from '../model/reference.ts';

/** Where base images are found, by a name of the user's. */
export type CatalogSource = RegistrySource | CatalogueFileSource;

/** Repositories of a registry whose tags are versions of base images. */
export interface RegistrySource {
  readonly kind: 'registry';
  readonly name: string;
  /** `HOST[:PORT][/PREFIX]`. */
  readonly location: string;
  /** Who publishes all that is there; without it each image says so itself. */
  readonly publisher?: string;
  readonly repositories: readonly SourceRepository[];
}

export interface SourceRepository {
  /** Below the location. */
  readonly repository: string;
  /** The Name of the images in it. */
  readonly name: string;
  readonly description?: string;
}

/** One document beside the files of the images that it describes. */
export interface CatalogueFileSource {
  readonly kind: 'catalogue';
  readonly name: string;
  /** `https://…` or `http://…`, an absolute path, or a share (`\\SERVER\SHARE\…`): the document, or the folder of a `catalogue.json`. */
  readonly location: string;
  /** The Ed25519 key that must have signed the document: base64 of its 32 bytes. */
  readonly key?: string;
}

/** Where Microsoft publishes the base images of Windows. There without any setting. */
const defaultSources: readonly CatalogSource[] = [
  {
    kind: 'registry',
    name: 'MicrosoftContainerRegistry',
    location: 'mcr.microsoft.com',
    publisher: 'CN=Microsoft',
    repositories: [
      { repository: 'windows/nanoserver', name: 'NanoServer', description: 'Container OS Image of Windows : Nano Server Installation' },
      {
        repository: 'windows/servercore',
        name: 'WindowsServerCore',
        description: 'Container OS Image of Windows : Windows Server Core Installation',
      },
      { repository: 'windows/server', name: 'WindowsServer', description: 'Container OS Image of Windows : Windows Server Installation' },
    ],
  },
];

const maxSources = 1000;
const maxRepositories = 10_000;

/**
 * Reads what `sources` of the settings says; without it there are the default ones.
 * @throws ImageError `invalid-config`
 */
export function readSources(value: unknown): readonly CatalogSource[] {
  if (value === undefined) return defaultSources;
  if (!Array.isArray(value)) throw invalid('"sources" is not a list');
  if (value.length > maxSources) throw invalid(`more than ${maxSources} sources`);
  const sources: CatalogSource[] = [];
  for (const [at, entry] of (value as readonly unknown[]).entries()) {
    let source: CatalogSource;
    try {
      source = checkSource(entry);
    } catch (error) {
      if (error instanceof ImageError) throw invalid(`sources[${at}]: ${error.message}`);
      throw error;
    }
    if (sources.some(({ name }) => sameName(name, source.name))) throw invalid(`two sources are called ${source.name}`);
    sources.push(source);
  }
  return sources;
}

function invalid(why: string): ImageError {
  return new ImageError('invalid-config', `config.json: ${why}`, {
    hint: 'Mend the file, or remove "sources" from it to go back to the default source.',
  });
}

/** Names of sources are told apart whatever their case. */
export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** A source, whoever made it, with nothing in it that it does not need. @throws ImageError `invalid-argument` */
export function checkSource(value: unknown): CatalogSource {
  if (!isObject(value)) throw refused('it is not an object');
  const { kind, name, location } = value;
  if (typeof name !== 'string' || !/^[^\s/\\"'`*?[\]\u0000-\u001f][^/\\"'`*?[\]\u0000-\u001f]{0,99}$/.test(name))
    throw refused(
      `${JSON.stringify(name)?.slice(0, 120)} cannot be the name of a source`,
      'A name has up to 100 characters, and none of / \\ " \' ` * ? [ ].',
    );
  if (typeof location !== 'string' || location === '' || location.length > 2048) throw refused('it has no location');
  if (kind === 'registry') return checkRegistry(name, location, value);
  if (kind === 'catalogue') return checkCatalogue(name, location, value);
  throw refused(`${JSON.stringify(kind)?.slice(0, 120)} is no kind of source`, 'A source is a registry or a catalogue.');
}

function checkRegistry(name: string, location: string, { publisher, repositories }: Readonly<Record<string, unknown>>): RegistrySource {
  if (publisher !== undefined && (typeof publisher !== 'string' || publisher.length > 500)) throw refused('its publisher is not a name');
  if (!Array.isArray(repositories) || repositories.length === 0)
    throw refused('it names no repository', 'A registry is searched in the repositories that its source names: REPOSITORY=NAME.');
  if (repositories.length > maxRepositories) throw refused(`it names more than ${maxRepositories} repositories`);
  const place = location.replace(/^https?:\/\//, '').replace(/\/+$/, '');
  const checked = (repositories as readonly unknown[]).map((entry): SourceRepository => {
    if (!isObject(entry) || typeof entry.repository !== 'string' || typeof entry.name !== 'string')
      throw refused('its repositories are not pairs of a repository and a name');
    const { repository, name: title, description } = entry;
    if (title === '' || title.length > 200 || /[\u0000-\u001f]/.test(title))
      throw refused(`${JSON.stringify(title.slice(0, 100))} cannot be a name`);
    parseReference(repositoryIn(place, repository));
    return { repository, name: title, ...(typeof description === 'string' ? { description: description.slice(0, 1000) } : {}) };
  });
  return { kind: 'registry', name, location: place, ...(publisher ? { publisher } : {}), repositories: checked };
}

/** The whole name of a repository of a source. A first part that could be the Hub's is made a host. */
export function repositoryIn(location: string, repository: string): string {
  const [host = ''] = location.split('/');
  return `${/[.:]|^localhost$/.test(host) ? location : `docker.io/${location}`}/${repository}`;
}

function checkCatalogue(name: string, location: string, { key }: Readonly<Record<string, unknown>>): CatalogueFileSource {
  if (/^[a-z][a-z0-9+.-]+:/i.test(location)) {
    const url = URL.canParse(location) ? new URL(location) : undefined;
    if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
      throw refused(`Uri: ${location} is not supported. Only http or https schema are supported.`);
    if (url.username !== '' || url.password !== '')
      throw refused('its address has a user name in it', 'Addresses are kept and shown as they are: leave the name and the password out.');
  }
  if (key !== undefined) publicKey(key);
  return { kind: 'catalogue', name, location, ...(key === undefined ? {} : { key: key as string }) };
}

/** @param key base64 of the 32 bytes of an Ed25519 key. @throws ImageError `invalid-argument` */
export function publicKey(key: unknown): KeyObject {
  const bytes = typeof key === 'string' && /^[A-Za-z0-9+/_-]{43}=?$/.test(key) ? Buffer.from(key, 'base64url') : Buffer.alloc(0);
  if (bytes.length !== 32)
    throw refused('its key is not an Ed25519 public key', 'A key is the base64 of 32 bytes, as `bay catalog build --sign` prints it.');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' });
}

function refused(why: string, hint?: string): ImageError {
  return new ImageError('invalid-argument', why, { hint });
}
