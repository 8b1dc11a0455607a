import { isAbsolute, resolve } from 'node:path';
import { ImageError } from '../errors.ts';
import { familiar, parseReference, withDefaultTag, type Reference } from '../model/reference.ts';

/**
 * Where an image is, as `copy` takes it: `docker://REFERENCE` in a registry, `oci:FOLDER[:NAME]`, `oci-archive:FILE[:NAME]`,
 * `docker-archive:FILE[:NAME]`, `dir:FOLDER`, and a bare name (or `store:NAME`) in the store. The words are skopeo's.
 */
export type Place =
  | { readonly kind: 'store'; readonly name: string }
  | { readonly kind: 'registry'; readonly reference: Reference }
  | { readonly kind: 'oci' | 'oci-archive' | 'docker-archive'; readonly path: string; readonly name: string | undefined }
  | { readonly kind: 'dir'; readonly path: string };

/** @throws ImageError `invalid-argument`, `invalid-reference` */
export function parsePlace(text: string, cwd: string): Place {
  const [, scheme, rest = ''] = /^([a-z-]+):(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case 'docker':
      if (!rest.startsWith('//')) break;
      return { kind: 'registry', reference: withDefaultTag(parseReference(rest.slice(2))) };
    case 'store':
      return { kind: 'store', name: rest };
    case 'dir':
      return { kind: 'dir', path: needPath(text, rest, cwd) };
    case 'oci':
    case 'oci-archive':
    case 'docker-archive': {
      const { path, name } = splitPath(rest);
      return { kind: scheme, path: needPath(text, path, cwd), name };
    }
    case 'containers-storage':
    case 'docker-daemon':
    case 'ostree':
    case 'sif':
    case 'tarball':
      if (!/^\d+$/.test(rest))
        throw new ImageError('unsupported', `${scheme}: is not a place that Bayplan copies from or to`, {
          hint: 'Save it to a docker-archive: or oci-archive: file first.',
        });
      break;
    default:
  }
  return { kind: 'store', name: text };
}

export function formatPlace(place: Place): string {
  if (place.kind === 'store') return place.name;
  if (place.kind === 'registry') return `docker://${familiar(place.reference)}`;
  return `${place.kind}:${place.path}${'name' in place && place.name !== undefined ? `:${place.name}` : ''}`;
}

/** A name after the first colon that is not a Windows drive's; long paths are written as `//?/C:/images` there. */
function splitPath(text: string): { path: string; name: string | undefined } {
  const [drive = ''] = /^(?:[\\/]{2}\?[\\/])?[A-Za-z]:(?=[\\/])/.exec(text) ?? [];
  const colon = text.indexOf(':', drive.length);
  return colon < 0 ? { path: text, name: undefined } : { path: text.slice(0, colon), name: text.slice(colon + 1) || undefined };
}

function needPath(text: string, path: string, cwd: string): string {
  if (path === '' || path.includes('\0')) throw new ImageError('invalid-argument', `${JSON.stringify(text)} names no path`);
  return path === '-' || isAbsolute(path) ? path : resolve(cwd, path);
}
