/**
 * Links of a WIM as links of a layer's tar, and back. A WIM has reparse points; a tar has a target.
 *
 * In a Windows layer the target is the name that is shown to people, with forward slashes, and the name that the system follows is made from it: what Windows hosts do with such layers.
 * In a Linux layer it is the path, as programs that capture Linux trees into WIMs have it: slashes and backslashes change places, and an absolute path begins on drive C.
 */

import { linkReparse, type MadeReparse, notFixed, unixLinkReparse, unixTarget, linkOf, type WimLink } from '../formats/wim/wim-reparse.ts';

export interface LayerLink {
  /** As it stands in the tar. */
  readonly target: string;
  /** A junction: of folders, and absolute. Linux has none: there it is a link, and what it was stands in a record. */
  readonly isMountPoint: boolean;
}

/** The link that a reparse point is; undefined where it is none, or one whose target no tar can hold. */
export function layerLinkOf({ tag, data }: Pick<MadeReparse, 'tag' | 'data'>, os: string): LayerLink | undefined {
  const link = linkOf(tag, data);
  if (!link) return undefined;
  const target = os === 'windows' ? shownName(link) : unixTarget(link);
  if (target === '' || target.includes('\0') || !target.isWellFormed()) return undefined;
  return { target, isMountPoint: link.isMountPoint && os === 'windows' };
}

/** The reparse point that is made of a link. Undefined where the name is too long for one: about 4,000 characters. */
export function layerReparse({ target, isMountPoint }: LayerLink, os: string): MadeReparse | undefined {
  // As wimlib has it of relative ones too, which most WIMs of Linux come from.
  if (os !== 'windows') return withFlags(unixLinkReparse(target), notFixed);
  const print = target.replaceAll('/', '\\');
  const substitute = ntName(print);
  return linkReparse({ isMountPoint, substitute, print }, !isMountPoint && substitute === print);
}

function withFlags(made: MadeReparse | undefined, flags: number): MadeReparse | undefined {
  return made && { ...made, flags };
}

export function isSameReparse(a: MadeReparse, b: MadeReparse): boolean {
  return a.tag === b.tag && a.reserved === b.reserved && a.flags === b.flags && Buffer.compare(a.data, b.data) === 0;
}

function shownName({ substitute, print }: WimLink): string {
  const name = print === '' ? substitute.replace(/^\\\?\?\\/, '') : print;
  return name.replaceAll('\\', '/');
}

/** The name that Windows follows, for one that is shown. */
function ntName(shown: string): string {
  if (shown.startsWith('\\\\?\\')) return `\\??\\${shown.slice(4)}`;
  if (shown.startsWith('\\\\')) return `\\??\\UNC\\${shown.slice(2)}`;
  return /^[a-zA-Z]:/.test(shown) ? `\\??\\${shown}` : shown;
}
