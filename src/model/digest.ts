import { createHash } from 'node:crypto';
import { ImageError } from '../errors.ts';

declare const brand: unique symbol;

/** `sha256:` + 64 hex or `sha512:` + 128 hex, validated: safe to compare, print and use in a path. Made only by `parseDigest`, `digestOf` and `digestFrom`. */
export type Digest = string & { readonly [brand]: 'Digest' };

/** The algorithms that a registry must know (image-spec descriptor.md, "Registered algorithms"). */
export type DigestAlgorithm = 'sha256' | 'sha512';

const grammar = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

/** True where the text is a digest we can verify: registered algorithm, lower-case hex of the right length. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && grammar.test(text);
}

/** @throws ImageError `invalid-digest` */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const shown = text.length > 160 ? `${text.slice(0, 160)}…` : text;
  throw new ImageError('invalid-digest', `invalid digest ${JSON.stringify(shown)}`, {
    hint: 'A digest is sha256: and 64, or sha512: and 128 lower-case hexadecimal digits.',
  });
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The digits alone: a file's name under `blobs/ALGORITHM/`. */
export function digestHex(digest: Digest): string {
  return digest.slice(7);
}

/** Twelve digits, as docker prints ids. */
export function shortId(digest: Digest): string {
  return digest.slice(7, 19);
}

/** The digest of these bytes. @throws ImageError `invalid-digest` for another algorithm */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return digestFrom(algorithm, createHash(algorithm).update(bytes).digest('hex'));
}

/** For digits that a hash function has just given. */
export function digestFrom(algorithm: DigestAlgorithm, hex: string): Digest {
  return parseDigest(`${algorithm}:${hex}`);
}
