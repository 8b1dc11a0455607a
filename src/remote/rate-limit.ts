/** What a registry said last of its pull limit (`ratelimit-limit: 100;w=21600`). */
export interface RateLimit {
  readonly limit?: number;
  readonly remaining?: number;
  /** Seconds that the limit counts over. */
  readonly window?: number;
}

/** Undefined where an answer says nothing of a limit. */
export function readRateLimit(headers: Readonly<Record<string, string | undefined>>): RateLimit | undefined {
  const [limit, window] = counted(headers['ratelimit-limit']);
  const [remaining, remainingWindow] = counted(headers['ratelimit-remaining']);
  if (limit === undefined && remaining === undefined) return undefined;
  const seconds = window ?? remainingWindow;
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(remaining === undefined ? {} : { remaining }),
    ...(seconds === undefined ? {} : { window: seconds }),
  };
}

function counted(text: string | undefined): [count: number | undefined, window: number | undefined] {
  const match = /^(\d{1,12})(?:\s*;\s*w=(\d{1,9}))?/.exec(text?.trim() ?? '');
  return [match === null ? undefined : Number(match[1]), match?.[2] === undefined ? undefined : Number(match[2])];
}
