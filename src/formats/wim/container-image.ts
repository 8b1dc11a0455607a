/** What an IMAGE element of a WIM's XML says of the container image that it was saved from. Programs that do not know it carry it along. */
export interface WimContainerImage {
  /** As `CN=Microsoft`. */
  readonly publisher?: string | undefined;
  readonly version?: string | undefined;
  readonly mediaType?: string | undefined;
  /** Of the layer that the tree was, where it was one. */
  readonly diffId?: string | undefined;
  /** The image's configuration: the JSON text, as its bytes were. */
  readonly config?: string | undefined;
}

const elements = { publisher: 'PUBLISHER', version: 'VERSION', mediaType: 'MEDIATYPE', diffId: 'DIFFID', config: 'CONFIG' } as const;

/** @param text the text of the element's child of that name */
export function readContainerImage(text: (name: string) => string | undefined): WimContainerImage {
  const { config, ...rest } = Object.fromEntries(
    Object.entries(elements).flatMap(([key, name]) => {
      const value = text(name)?.trim();
      return value === undefined || value === '' ? [] : [[key, value]];
    }),
  ) as WimContainerImage;
  const json = config === undefined ? undefined : decodeText(config);
  return json === undefined ? rest : { ...rest, config: json };
}

/** The names and texts of the element's children, in the order in which they are written. */
export function containerImageElements(image: WimContainerImage): [name: string, text: string][] {
  return Object.entries(elements).flatMap(([key, name]): [string, string][] => {
    const value = image[key as keyof typeof elements];
    if (value === undefined) return [];
    return [[name, key === 'config' ? Buffer.from(value).toString('base64') : value]];
  });
}

/** Undefined where it is no base64, or no UTF-8 inside: somebody else's element of the same name. */
function decodeText(base64: string): string | undefined {
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(base64)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}
