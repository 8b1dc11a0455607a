/** Docker's `--format` templates: Go's text/template with docker's functions. */

import { execute } from './execute.ts';
import { functions, headerFunctions } from './functions.ts';
import { parse } from './parse.ts';
import type { Value } from './values.ts';

export interface Template {
  /** The text for one piece of data. Throws ImageError `invalid-argument` with docker's text. */
  execute(data: Value): string;
  /** The same template over a table's titles, where functions such as `upper` and `json` leave them alone. */
  executeHeader(titles: Value): string;
}

export interface TemplateOptions {
  /** What messages call the template; empty in docker's lists. */
  readonly name?: string;
  /** A map's missing key is an error rather than `<no value>`, as in `inspect`. */
  readonly missingKey?: 'error';
}

/** Throws ImageError `invalid-argument` with docker's text, such as `template parsing error: template: :1: unclosed action`. */
export function parseTemplate(text: string, { name = '', missingKey }: TemplateOptions = {}): Template {
  const tree = parse(name, text, new Set(functions.keys()));
  return {
    execute: (data) => execute(tree, data, { name, functions, missingKey }),
    executeHeader: (titles) => execute(tree, titles, { name, functions: headerFunctions }),
  };
}
