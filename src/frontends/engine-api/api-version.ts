import { ImageError } from '../../errors.ts';

/** The minor number of the API that a request speaks: 51 for `/v1.51/…`. All of docker's are 1.x. */
export type ApiVersion = number;

/** What we are: docker 28.5. */
export const newestVersion: ApiVersion = 51;
/** What is said to be the oldest. */
export const oldestVersion: ApiVersion = 24;
/** Answered as `oldestVersion`: skopeo 1.9 of Debian 12 asks for 1.22, and never looks at what is offered. */
const toleratedVersion: ApiVersion = 22;

export function versionText(version: ApiVersion): string {
  return `1.${version}`;
}

/**
 * Takes the version off a path: `/v1.41/images/json` is 1.41's `/images/json`; a path without one speaks the newest.
 * @throws ImageError `invalid-argument`, with docker's texts, for a version that is not served
 */
export function splitVersion(path: string): { readonly version: ApiVersion; readonly path: string } {
  const [whole = '', text = ''] = /^\/v([0-9.]+)(?=\/)/.exec(path) ?? [];
  if (whole === '') return { version: newestVersion, path };
  const [major = 0, minor = 0, ...others] = text
    .slice(0, 40)
    .split('.')
    .map((part) => Number(part) || 0);
  const refuse = (why: string, detail: Readonly<Record<string, unknown>> = {}): never => {
    throw new ImageError('invalid-argument', `client version ${text.slice(0, 40)} is ${why}`, { detail });
  };
  if (major < 1 || (major === 1 && minor < toleratedVersion))
    // Clients so old read no JSON of an error.
    refuse(`too old. Minimum supported API version is ${versionText(oldestVersion)}, please upgrade your client to a newer version`, {
      plainText: true,
    });
  if (major > 1 || minor > newestVersion || (minor === newestVersion && others.some((part) => part > 0)))
    refuse(`too new. Maximum supported API version is ${versionText(newestVersion)}`);
  return { version: Math.max(minor, oldestVersion), path: path.slice(whole.length) };
}
