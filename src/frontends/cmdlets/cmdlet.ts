import type { Act } from './call.ts';

/** `path` is a text too; it says what completes it. Objects are named by the last part of their type's name (`views.ts`). */
export type ParameterType =
  | 'string'
  | 'string[]'
  | 'version'
  | 'switch'
  | 'guid'
  | 'int64'
  | 'uri'
  | 'psobject'
  | 'psobject[]'
  | 'credential'
  | 'ContainerImage'
  | 'ContainerImage[]'
  | 'Container'
  | 'Container[]'
  | 'ContainerImageItem[]'
  | 'ContainerImageSource[]';

/** What is offered for a value of it. */
export type CompletionKind =
  | 'image-name' // of the store
  | 'image-publisher'
  | 'image-version'
  | 'image-full-name'
  | 'container-name'
  | 'base-name' // of the sources
  | 'base-version'
  | 'source-name'
  | 'file'
  | 'folder';

/** How a parameter stands in a set. */
export interface Binding {
  readonly position?: number;
  readonly mandatory?: true;
  /** Takes an object of the pipeline; of a text too where its type is one. */
  readonly byValue?: true;
  /** Takes the property of its name, or of an alias, of an object of the pipeline. */
  readonly byPropertyName?: true;
}

export interface Parameter extends Binding {
  /** As it is written in help: `ContainerName`. */
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly type: ParameterType;
  /** The sets that it is in, where not in all; what is said here goes for that set. */
  readonly in?: Readonly<Record<string, Binding>>;
  readonly wildcards?: true;
  readonly complete?: CompletionKind;
  /** The only texts that it takes, in any case. */
  readonly values?: readonly string[];
  /** May be an empty text. */
  readonly allowEmpty?: true;
  /** Sentences for Get-Help. */
  readonly help: string;
}

export interface Example {
  /** What is typed, after the prompt; the plain command line's has `bay ` before each cmdlet. */
  readonly line: string;
  readonly text: string;
}

/** Everything about a cmdlet but what it does. Both shells, their help and their completion are made from it. */
export interface Cmdlet {
  /** `Get-ContainerImage` */
  readonly name: string;
  /** Other names of it. */
  readonly aliases?: readonly string[];
  readonly parameters: readonly Parameter[];
  /** Where there are several sets: all, the default first. */
  readonly sets?: readonly string[];
  /** It has -WhatIf and -Confirm. High asks without -Confirm too; where it has -Force, that silences the question. */
  readonly shouldProcess?: 'Low' | 'Medium' | 'High';
  /** Type name of what it writes (`views.ts`), or `System.String`. None: nothing. */
  readonly output?: string;
  /** What it writes only with -Passthru. */
  readonly passthru?: true;
  readonly synopsis: string;
  readonly description: string;
  readonly examples: readonly Example[];
  /** The file behind it is loaded when it is run. */
  readonly load: () => Promise<Act>;
}
