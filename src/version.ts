/** The version and the commit that the build wrote in; run from sources there is none. */

declare const BAYPLAN_VERSION: string | undefined;
declare const BAYPLAN_BUILD: string | undefined;

/** As in package.json, for instance `0.1.0`. */
export const version: string = typeof BAYPLAN_VERSION === 'string' ? BAYPLAN_VERSION : '0.0.0-source';

/** The short commit, or `unknown`. */
export const commit: string = typeof BAYPLAN_BUILD === 'string' ? BAYPLAN_BUILD : 'unknown';
