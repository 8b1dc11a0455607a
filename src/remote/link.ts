import { ImageError } from '../errors.ts';

/**
 * Where a list goes on (distribution-spec, "Listing Tags"; RFC 8288): the `rel="next"` of a Link header, or undefined at the end.
 * @throws ImageError `insecure` where it leads to another host: the next request would carry the credentials there; `protocol` where it is no URL
 */
export function nextPage(header: string | undefined, from: URL): URL | undefined {
  const target = targets((header ?? '').slice(0, 16384)).find(({ relations }) => relations.includes('next'))?.target;
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

/** The links of a header. Of a parameter that comes twice the first counts; a relation may have several names. */
function targets(header: string): readonly { target: string; relations: readonly string[] }[] {
  const quoted = String.raw`"(?:[^"\\]|\\.)*"`;
  const links = header.matchAll(new RegExp(`<([^<>]*)>((?:${quoted}|[^",<])*)`, 'g'));
  return [...links].map(([, target = '', parameters = '']) => {
    const bare = parameters.replace(new RegExp(String.raw`(;\s*(?!rel\s*=)[^;=\s]+\s*=\s*)${quoted}`, 'gi'), '$1');
    const [, inQuotes, word = ''] = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(bare) ?? [];
    return { target, relations: (inQuotes ?? word).toLowerCase().split(/\s+/) };
  });
}
