/** What a template is once it is parsed. */

import { ImageError } from '../../../errors.ts';
import type { Float } from './values.ts';

/** `source` is the node's text as Go prints it, for messages; `at` its place in the template. */
export interface Placed {
  readonly at: number;
  readonly source: string;
}

export type Operand = Placed &
  (
    | { readonly type: 'field'; readonly names: readonly string[] }
    | { readonly type: 'variable'; readonly name: string; readonly names: readonly string[] }
    | { readonly type: 'chain'; readonly head: Operand; readonly names: readonly string[] }
    | { readonly type: 'function'; readonly name: string }
    | { readonly type: 'pipeline'; readonly pipeline: Pipeline }
    | { readonly type: 'dot' | 'nil' }
    | { readonly type: 'bool' | 'string' | 'number'; readonly value: boolean | string | number | bigint | Float }
  );

export interface Call extends Placed {
  /** The first is what is called or read, the others are its arguments. */
  readonly operands: readonly [Operand, ...Operand[]];
}

export interface Pipeline extends Placed {
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly calls: readonly Call[];
}

export type Node = Placed &
  (
    | { readonly type: 'text'; readonly text: string }
    | { readonly type: 'action'; readonly pipeline: Pipeline }
    | {
        readonly type: 'if' | 'with' | 'range';
        readonly pipeline: Pipeline;
        readonly body: readonly Node[];
        readonly otherwise: readonly Node[] | undefined;
      }
    | { readonly type: 'break' | 'continue' }
    | { readonly type: 'template'; readonly name: string; readonly pipeline: Pipeline | undefined }
  );

export interface Tree {
  readonly text: string;
  readonly body: readonly Node[];
  /** The bodies of `define` and `block`, by name. */
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

/** Docker's sentence around a template's error, for the parse and for the execution alike. Stands without a prefix. */
export function templateError(message: string): ImageError {
  return new ImageError('invalid-argument', `template parsing error: ${message}`, { detail: { plain: true } });
}
