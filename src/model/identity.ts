/** What an image calls itself: the cmdlets' Name, Publisher and Version. Empty where it says nothing. */
export interface Identity {
  readonly name: string;
  readonly publisher: string;
  readonly version: string;
}

/** Reads image-spec annotations.md keys from labels (`config.Labels`) or annotations; the first that says something wins. */
export function readIdentity(...from: readonly (Readonly<Record<string, string>> | undefined)[]): Identity {
  const first = (key: string) => from.find((strings) => strings?.[key])?.[key] ?? '';
  return {
    name: first('org.opencontainers.image.title'),
    publisher: first('org.opencontainers.image.vendor'),
    version: first('org.opencontainers.image.version'),
  };
}
