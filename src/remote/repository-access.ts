import { ImageError, isImageError } from '../errors.ts';
import { familiar, familiarName, type Reference } from '../model/reference.ts';
import { answerError, problemText, type AnswerProblem } from './answer-error.ts';
import type { Endpoint } from './endpoint.ts';
import type { RetryPolicy } from './retry.ts';
import type { Transport, WireResponse } from './transport.ts';

/** One repository as it is reached: what the parts of `remote` work with. */
export interface RepositoryAccess {
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  /** For reading: mirrors first. URLs are the origin's. */
  readonly pull: Transport;
  readonly origin: Endpoint;
  readonly push: Endpoint;
  /** For a foreign layer's URL: the same sockets, no credentials, no headers of the user's, nothing that the registry may not point to. */
  readonly foreign: (url: URL) => Promise<Transport>;
  /** What the push endpoint calls another repository that may be mounted from; undefined where it is elsewhere. */
  readonly mountName: (from: Pick<Reference, 'registry' | 'repository'>) => Promise<string | undefined>;
  readonly anonymous: () => Promise<boolean>;
  /** Milliseconds, as in Timeouts. */
  readonly idle: number;
  /** Milliseconds, as in Timeouts. */
  readonly headers: number;
  readonly retry: RetryPolicy;
}

/** `manifests/latest` below a repository. */
export function repositoryUrl(endpoint: Endpoint, path: string): URL {
  return new URL(`${endpoint.base.pathname}${endpoint.repository}/${path}`, endpoint.base);
}

export function scope(endpoint: Endpoint, actions: 'pull' | 'pull,push' | 'delete'): readonly string[] {
  return [`repository:${endpoint.repository}:${actions}`];
}

/** The error of an answer about a manifest, in docker's sentences. */
export async function manifestError(access: RepositoryAccess, response: WireResponse, name: string): Promise<ImageError> {
  const { reference } = access;
  const whole = name.includes(':') ? `${familiarName(reference)}@${name}` : familiar({ ...reference, tag: name });
  const detail = { status: response.status, reference: whole };
  const say = (problem: AnswerProblem, status: number): ImageError | undefined => {
    if (problem.code === 'NAME_UNKNOWN' && status === 404)
      return new ImageError('not-found', `repository ${familiarName(reference)} not found: ${problemText(problem)}`, { detail });
    if (status === 404)
      return new ImageError(
        'manifest-unknown',
        `manifest for ${whole} not found: ${problem.code === '' ? 'manifest unknown' : problemText(problem)}`,
        { detail },
      );
    if (status === 401 || status === 403) return accessDenied(reference, problemText(problem));
    return undefined;
  };
  return answerError(response, `cannot read ${whole}`, { anonymous: await access.anonymous(), say });
}

function accessDenied(reference: Pick<Reference, 'registry' | 'repository'>, why: string, cause?: unknown): ImageError {
  return new ImageError(
    'denied',
    `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': ${why}`,
    {
      hint: `Check the name, or log in to ${reference.registry}.`,
      detail: { registry: reference.registry, repository: reference.repository },
      cause,
    },
  );
}

/** A token service that refuses a stranger says the same as a registry that does. */
export async function explainDenial(access: RepositoryAccess, error: unknown): Promise<unknown> {
  // With a reason it is the connection that was refused, not the user.
  if (!isImageError(error, 'unauthorized', 'denied') || error.detail.reason !== undefined || !(await access.anonymous())) return error;
  return accessDenied(access.reference, error.message, error);
}
