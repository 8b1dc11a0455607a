/**
 * Documents as docker's `inspect` prints them: an indented JSON list, one line of JSON for `json`, or a template a document.
 * With a template each document has its own line; `fields` is what a template sees of a document, itself if not given.
 */
export async function documentsText<T extends object>(
  documents: readonly T[],
  format: string | undefined,
  fields: (document: T) => object = (document) => document,
): Promise<string> {
  if (format === undefined || format === '') return `${JSON.stringify(documents, null, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(documents)}\n`;
  const { parseTemplate } = await import('./gotemplate/template.ts');
  const template = parseTemplate(format, { missingKey: 'error' });
  return documents.map((document) => `${template.execute(fields(document))}\n`).join('');
}
