import { sign, verify, type KeyObject } from 'node:crypto';
import { ImageError } from '../errors.ts';

/** The text of a signature's file: base64 of the Ed25519 signature over the document's bytes as they are. */
export function signCatalogue(document: Uint8Array, privateKey: KeyObject): string {
  return `${sign(null, document, privateKey).toString('base64')}\n`;
}

/** @throws ImageError `denied` where the signature is missing, is none, or is not this key's over this document */
export function verifyCatalogue(document: Uint8Array, signature: Uint8Array | undefined, key: KeyObject): void {
  const refuse = (why: string) =>
    new ImageError('denied', `bad signature: ${why}`, {
      hint: 'Nothing of it is used. Whoever publishes it has to sign it again, with the key that the source names.',
    });
  if (signature === undefined) throw refuse('the catalogue is not signed, and its source has a key that must have signed it');
  const text = Buffer.from(signature).toString('latin1').trim();
  const bytes = /^[A-Za-z0-9+/]{86}(?:==)?$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (bytes.length !== 64) throw refuse('its file is not the base64 of an Ed25519 signature');
  if (!verify(null, document, key, bytes)) throw refuse('the catalogue was changed after it was signed, or another key has signed it');
}
