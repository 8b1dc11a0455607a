import { ImageError, isImageError } from '../../errors.ts';
import type { Template, TemplateOptions } from './gotemplate/template.ts';

/** The template of one document. One that cannot be read ends a command with docker's 64. @throws ImageError `invalid-argument` */
export async function documentTemplate(format: string, options: TemplateOptions = {}): Promise<Template> {
  const { parseTemplate } = await import('./gotemplate/template.ts');
  try {
    return parseTemplate(format, { missingKey: 'error', ...options });
  } catch (cause) {
    if (!isImageError(cause)) throw cause;
    throw new ImageError(cause.code, cause.message, { hint: cause.hint, detail: { ...cause.detail, exitCode: 64 }, cause });
  }
}

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
  const template = await documentTemplate(format);
  return documents.map((document) => `${template.execute(fields(document))}\n`).join('');
}
