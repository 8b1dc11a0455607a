import { ImageError } from '../errors.ts';

/**
 * Where a list goes on (distribution-spec, "Listing Tags"; RFC 8288): the `rel="next"` of a Link header, or undefined at the end.
 * @throws ImageError `insecure` where it leads to another host: the next request would carry the credentials there; `protocol` where it is no URL
 */
export function nextPage(header: string | undefined, from: URL): URL | undefined {
  const target = /<([^>]*)>[^<]*?;\s*rel\s*=\s*"?next"?/i.exec((header ?? '').slice(0, 16384))?.[1];
  if (target === undefined) return undefined;
  let url: URL;
  try {
    url = new URL(target, from);
  } catch (cause) {
    throw new ImageError('protocol', `${from.host} continues its list at ${JSON.stringify(target.slice(0, 200))}, which is no URL`, {
      cause,
    });
  }
  if (url.origin !== from.origin) throw new ImageError('insecure', `${from.host} continues its list at another host, ${url.host}`);
  url.username = '';
  url.password = '';
  return url;
}
