import { ImageError } from '../../errors.ts';
import type { Handler } from './route.ts';

/** For what docker's API has and this host has not: refused with one sentence, before anything of the request is read. */
export function notHere(sentence: string, hint?: string): Handler {
  return () => {
    throw new ImageError('unsupported', sentence, { hint });
  };
}

/** For builds, by whichever way they are asked for. */
export const buildsNothing = 'Bayplan does not build images from a Dockerfile';
export const buildElsewhere = 'Build it with buildah, or with a docker elsewhere, and bring the result here with docker load.';
