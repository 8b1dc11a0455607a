/**
 * What `cp` makes of its two paths: docker's rules of what is copied into what, and under which name (moby's archive package, copy.go).
 * A path that ends in a slash or in `/.` says that it is a folder; `/.` says that its content is meant.
 */

import { posix, win32 } from 'node:path';
import { ImageError } from '../../errors.ts';

/** How paths of one side are read: those of a Windows container, or of a Windows host, have backslashes and drives. */
export interface PathStyle {
  readonly windows: boolean;
}

export interface CopyEnd {
  readonly path: string;
  readonly exists: boolean;
  readonly isFolder: boolean;
  /** The name that was asked for, where a link that was followed has another. */
  readonly rebaseName?: string | undefined;
}

/** `CONTAINER:PATH`, or a path of this machine: absolute, without a colon, or beginning with a dot. */
export function splitCopyOperand(
  text: string,
  hostWindows = process.platform === 'win32',
): { readonly container?: string; readonly path: string } {
  if (hostWindows ? win32.isAbsolute(text) : posix.isAbsolute(text)) return { path: text };
  const colon = text.indexOf(':');
  return colon < 0 || text.startsWith('.') ? { path: text } : { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

function rules({ windows }: PathStyle) {
  return windows ? win32 : posix;
}

export function endsInSeparator(path: string, { windows }: PathStyle): boolean {
  return (windows ? /[\\/]$/ : /\/$/).test(path);
}

/** `.` or `…/.`; nothing at all is Go's `.` too. */
export function meansContent(path: string, { windows }: PathStyle): boolean {
  return path === '' || (windows ? /(?:^(?:[A-Za-z]:)?|[\\/])\.$/ : /(?:^|\/)\.$/).test(path);
}

/** A path that was resolved, with the end that says what is meant. */
export function keepEnd(resolved: string, asked: string, style: PathStyle): string {
  const separator = rules(style).sep;
  if (meansContent(asked, style)) return meansContent(resolved, style) ? resolved : `${resolved.replace(/(?<=.)[\\/]$/, '')}${separator}.`;
  return endsInSeparator(asked, style) && !endsInSeparator(resolved, style) ? `${resolved}${separator}` : resolved;
}

/** The folder, and the name in it; `.` for the content of a folder. */
export function splitEntry(path: string, style: PathStyle): { readonly folder: string; readonly base: string } {
  const kind = rules(style);
  // A drive by itself is its root: an image has no current folder.
  const whole = style.windows && /^[A-Za-z]:$/.test(path) ? `${path}\\` : path;
  const clean = kind.normalize(whole).replace(style.windows ? /(?<=[^:])[\\/]+$/ : /(?<=.)\/+$/, '');
  if (meansContent(path, style)) return { folder: clean, base: '.' };
  return { folder: kind.dirname(clean), base: kind.basename(clean) || (style.windows ? '\\' : '/') };
}

/** The last part, whatever stands behind it. */
export function baseName(path: string, style: PathStyle): string {
  return meansContent(path, style) ? '.' : rules(style).basename(path) || '/';
}

/** Where a tar of `source` is to be extracted so that it becomes `destination`, and which first name in it is to become which. */
export interface CopyPlan {
  readonly folder: string;
  readonly rename?: { readonly from: string; readonly to: string };
}

/** @throws ImageError `invalid-argument`, with docker's texts */
export function planCopy(source: CopyEnd & { readonly style: PathStyle }, destination: CopyEnd & { readonly style: PathStyle }): CopyPlan {
  if (destination.exists && destination.isFolder) return { folder: destination.path };
  if (destination.exists && source.isFolder) throw refuse('cannot copy directory');
  const asserted = endsInSeparator(destination.path, destination.style) || meansContent(destination.path, destination.style);
  if (!destination.exists && !source.isFolder && asserted) throw refuse('no such directory');
  const { folder, base } = splitEntry(destination.path, destination.style);
  const from = source.rebaseName ?? splitEntry(source.path, source.style).base;
  return { folder, rename: { from: from === '/' || from === '\\' ? '' : from, to: base } };
}

/** Docker's client says these as they are. */
function refuse(message: string): ImageError {
  return new ImageError('invalid-argument', message, { detail: { plain: true } });
}

/** A name in a tar with its first part renamed. */
export function renamed(name: string, { from, to }: NonNullable<CopyPlan['rename']>): string {
  const plain = from === '' ? name.replace(/^\/+/, '') : name;
  if (from === '') return plain === '' ? to : `${to}/${plain}`;
  if (plain === from || plain.startsWith(`${from}/`)) return `${to}${plain.slice(from.length)}`;
  return plain;
}
