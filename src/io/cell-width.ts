/** How many cells of a terminal a text takes: two for a wide character of an East Asian script or an emoji, none for a combining mark. */

export type CellWidth = (text: string) => number;

const ascii = /^[\x20-\x7e]*$/;

/**
 * A measure for the texts given. The tables of wide characters are loaded only where one of the texts needs them; texts
 * that were not given may be measured too, by the same means.
 */
export async function cellWidthFor(texts: Iterable<string>): Promise<CellWidth> {
  for (const text of texts) if (!ascii.test(text)) return await cellWidth();
  return (text) => text.length;
}

let loaded: CellWidth | undefined;

async function cellWidth(): Promise<CellWidth> {
  if (loaded !== undefined) return loaded;
  const { eastAsianWidth } = await import('get-east-asian-width');
  const graphemes = new Intl.Segmenter();
  // Marks, invisible characters, and the vowels and finals that join a Hangul syllable.
  const nothing = /[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Control}\u1160-\u11ff\ud7b0-\ud7ff]/u;
  const emoji = /^\p{RGI_Emoji}$/v;
  loaded = (text) => {
    if (ascii.test(text)) return text.length;
    let width = 0;
    for (const { segment } of graphemes.segment(text)) {
      if (emoji.test(segment)) width += 2;
      else for (const rune of segment) width += nothing.test(rune) ? 0 : eastAsianWidth(rune.codePointAt(0) ?? 0);
    }
    return width;
  };
  return loaded;
}

/** A text cut to at most `cells` cells, with `…` at its end where something is missing. */
export function cutToWidth(text: string, cells: number, width: CellWidth): string {
  if (width(text) <= cells) return text;
  let kept = '';
  let room = cells - 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    room -= width(segment);
    if (room < 0) break;
    kept += segment;
  }
  return cells < 1 ? '' : `${kept}…`;
}
