/**
 * Documents as docker's `inspect` prints them: an indented JSON list, one line of JSON for `json`, or a template a document.
 * With a template each document has its own line.
 */
export async function documentsText(documents: readonly object[], format: string | undefined): Promise<string> {
  if (format === undefined || format === '') return `${JSON.stringify(documents, null, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(documents)}\n`;
  const { parseTemplate } = await import('./gotemplate/template.ts');
  const template = parseTemplate(format, { missingKey: 'error' });
  return documents.map((document) => `${template.execute(document)}\n`).join('');
}
