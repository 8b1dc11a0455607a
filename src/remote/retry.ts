export interface RetryPolicy {
  /** Tries in all, the first included. Default 5. */
  readonly tries: number;
  /** Milliseconds before the second try; doubled for each further one, with jitter. Default 250. */
  readonly base: number;
  /** The longest wait, in milliseconds, that a registry may ask for by Retry-After; when it asks for more the request fails at once. Default 60,000. */
  readonly longest: number;
}
