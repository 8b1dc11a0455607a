import { ImageError } from '../errors.ts';
import { hasWildcard, wildcard } from './wildcard.ts';

/** No part of a version is larger: System.Version keeps 31 bits. */
const largest = 2 ** 31 - 1;

/**
 * A version of a base image in its one spelling, four numbers: `10.0` and `10.0.0` are `10.0.0.0`, `.5` is `0.5.0.0`.
 * @returns undefined for what is none: more than four parts, anything but digits, a part above 2^31 - 1
 */
export function readBaseVersion(text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^(?:\d{1,12})?(?:\.\d{1,12}){0,3}$/.test(trimmed) || trimmed === '') return undefined;
  const parts = trimmed.split('.').map(Number);
  if (parts.some((part) => part > largest)) return undefined;
  return [0, 1, 2, 3].map((at) => parts[at] ?? 0).join('.');
}

/** As `readBaseVersion`. @throws ImageError `invalid-argument` */
export function parseBaseVersion(text: string, what = 'version'): string {
  const version = readBaseVersion(text);
  if (version !== undefined) return version;
  throw new ImageError('invalid-argument', `${JSON.stringify(text.slice(0, 100))} is not a ${what}`, {
    hint: 'A version is one to four numbers with dots between, as in 10.0.10586.0.',
  });
}

/** Orders versions by their numbers, oldest first; text that is no version comes before all. */
export function compareBaseVersions(left: string, right: string): number {
  const [one, other] = [left, right].map((text) => (readBaseVersion(text) ?? '-1').split('.').map(Number));
  for (let at = 0; at < 4; at++) {
    const difference = (one?.[at] ?? 0) - (other?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Which versions are asked for: without any of these it is the newest of each name. */
export interface VersionQuery {
  /** Exactly this one; with wildcards, any whose text matches. */
  readonly version?: string | undefined;
  readonly minimum?: string | undefined;
  readonly maximum?: string | undefined;
  readonly all?: boolean | undefined;
}

/** Which versions a query lets through, and whether of those only each name's newest is shown. */
export interface VersionChoice {
  matches(version: string): boolean;
  readonly newestOnly: boolean;
}

/**
 * Both bounds count where both are given. A version with wildcards is compared as text, so `10.0.*` is all of 10.0; one without is equal as a version, so `10.0.1` is
 * `10.0.1.0`.
 * @throws ImageError `invalid-argument` for versions that are none, and for what cannot be asked together
 */
export function chooseVersions(query: VersionQuery): VersionChoice {
  const { version, minimum, maximum, all = false } = query;
  const refuse = (why: string): never => {
    throw new ImageError('invalid-argument', why);
  };
  const bounded = minimum !== undefined || maximum !== undefined;
  if (all && version !== undefined) refuse('AllVersions and RequiredVersion cannot be used together');
  if (bounded && (all || version !== undefined))
    refuse('AllVersions and RequiredVersion switch cannot be used with MinimumVersion or MaximumVersion');
  const from = minimum === undefined ? undefined : parseBaseVersion(minimum, 'minimum version');
  const to = maximum === undefined ? undefined : parseBaseVersion(maximum, 'maximum version');
  if (from !== undefined && to !== undefined && compareBaseVersions(from, to) > 0)
    refuse('Minimum Version cannot be more than Maximum Version');
  return { matches: versionTest(version, from, to), newestOnly: !all && !bounded && version === undefined };
}

function versionTest(version: string | undefined, from: string | undefined, to: string | undefined): (version: string) => boolean {
  if (version !== undefined) {
    if (hasWildcard(version)) return wildcard(version);
    const wanted = parseBaseVersion(version);
    return (candidate) => candidate === wanted;
  }
  return (candidate) =>
    (from === undefined || compareBaseVersions(candidate, from) >= 0) && (to === undefined || compareBaseVersions(candidate, to) <= 0);
}

/** Windows builds that stay for long; a host of a later build runs all from the last of these before it on. */
const longTerm = [20348, 26100];

/**
 * Whether a Windows host of one version can start containers of another's images, as its Host Compute Service decides: the same major and minor number; the same build on
 * hosts before Server 2022 (20348), and later the builds from the last long-term one on up to the host's. Revisions do not count, and what is unknown matches.
 */
export function windowsRuns(host: string, image: string): boolean {
  const [left, right] = [readBaseVersion(host), readBaseVersion(image)];
  if (left === undefined || right === undefined) return true;
  const [major, minor, build = 0] = left.split('.').map(Number);
  const [otherMajor, otherMinor, other = 0] = right.split('.').map(Number);
  if (major !== otherMajor || minor !== otherMinor) return false;
  if (build < 20348) return other === build;
  const oldest = longTerm.filter((one) => one < build).at(-1) ?? 20348;
  return other >= oldest && other <= build;
}
