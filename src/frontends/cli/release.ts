import manifest from '../../../package.json' with { type: 'json' };

/** The version of this product, from its package. */
export const release: string = manifest.version;
