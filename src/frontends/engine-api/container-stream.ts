import type { ApiVersion } from './api-version.ts';

/** The media type of what a container says: with a terminal as it is, without one in frames, which older versions gave no name of their own. */
export function versionedStream(version: ApiVersion, tty: boolean): string {
  return `application/vnd.docker.${tty || version < 42 ? 'raw' : 'multiplexed'}-stream`;
}
