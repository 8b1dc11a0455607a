import { ImageError, isImageError } from '../errors.ts';
import type { Operation } from '../io/operation.ts';
import { answerError } from './answer-error.ts';
import { bestChallenge } from './challenge.ts';
import { discard } from './body.ts';
import type { Credentials } from './registry-options.ts';
import { basicAuthorization, fetchToken } from './token.ts';
import type { Transport } from './transport.ts';

export interface LoginPlace {
  /** Ends with `/v2/`. */
  readonly base: URL;
  /** Without credentials of its own, following no redirect to another origin. */
  readonly transport: Transport;
}

/**
 * Proves credentials at a registry, by its own challenge: Basic is sent to `/v2/`, for Bearer a token is fetched and sent there. What is then to be kept: where
 * the token service gave a refresh token, that one in place of the password.
 * @throws ImageError `unauthorized`
 */
export async function proveCredentials(
  place: LoginPlace,
  credentials: Credentials,
  options: Operation = {},
): Promise<{ readonly keep: Credentials; readonly checked: boolean }> {
  const { base, transport } = place;
  const { signal } = options;
  const ask = async (authorization?: string) =>
    transport({ method: 'GET', url: base, ...(authorization === undefined ? {} : { headers: { authorization } }), signal });
  const first = await ask();
  if (first.status === 200) {
    // A registry that lets everybody in says nothing of a password.
    discard(first);
    return { keep: credentials, checked: false };
  }
  const challenge = bestChallenge(first.headers['www-authenticate']);
  if (first.status !== 401 || challenge === undefined) throw await answerError(first, `Get "${base.href}"`);
  discard(first);
  let authorization: string;
  let keep = credentials;
  if ('registryToken' in credentials) authorization = `Bearer ${credentials.registryToken}`;
  else if (challenge.scheme === 'basic') {
    if (!('password' in credentials))
      throw new ImageError('unauthorized', `${base.host} takes a name and a password, not an identity token`);
    authorization = basicAuthorization(credentials);
  } else {
    const { parameters } = challenge;
    try {
      const token = await fetchToken(transport, {
        registry: base,
        realm: parameters.get('realm'),
        service: parameters.get('service'),
        scopes: [],
        credentials,
        offline: true,
        signal,
      });
      authorization = `Bearer ${token.token}`;
      if (token.refreshToken !== undefined && 'username' in credentials)
        keep = { ...(credentials.username === undefined ? {} : { username: credentials.username }), identityToken: token.refreshToken };
    } catch (error) {
      if (!isImageError(error, 'unauthorized', 'denied')) throw error;
      throw refused(base, error.message.replace(/^[^:]*: /, ''), error);
    }
  }
  const second = await ask(authorization);
  if (second.status !== 200) {
    const error = await answerError(second, `Get "${base.href}"`);
    throw error.code === 'unauthorized' || error.code === 'denied'
      ? refused(base, error.message.replace(/^Get "[^"]*": /, ''), error)
      : error;
  }
  discard(second);
  return { keep, checked: true };
}

function refused(base: URL, why: string, cause: ImageError): ImageError {
  return new ImageError('unauthorized', `Get "${base.href}": ${why}`, {
    hint: 'Check the user name and the password or token; nothing has been kept.',
    cause,
  });
}
