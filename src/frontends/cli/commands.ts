/**
 * The table of commands: names, one sentence each, and where each one's file is. Importing it loads no command, so a start
 * loads only the file of the command that is run. How to add a command: write `commands/NAME.ts` with `command({…})`, add a
 * row here; help, usage errors and completion follow.
 */

import type { Command } from './grammar.ts';

export interface CommandEntry {
  /** All names of the command. In a group's help the first name in that group stands, in the list of commands the single word. */
  readonly names: readonly string[];
  readonly summary: string;
  /** `common` commands come first in `bay --help`, in the order of this table. */
  readonly section?: 'common';
  /** Not shown in help and not completed. */
  readonly hidden?: boolean;
  load(): Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    names: ['version'],
    summary: 'Show the Bayplan version information',
    section: 'common',
    load: async () => (await import('./commands/version.ts')).version,
  },
  { names: ['completion'], summary: 'Generate the autocompletion script for the specified shell', load: async () => (await import('./commands/completion.ts')).completion },
  { names: ['help'], summary: 'Help about any command', load: async () => (await import('./commands/help.ts')).help },
  { names: ['__complete'], summary: 'Offer completions', hidden: true, load: async () => (await import('./commands/completion.ts')).complete },
];

/** Words that stand before a command, and what the commands after them are about. */
export const groups: Readonly<Record<string, string>> = {
  image: 'Manage images',
  manifest: 'Manage image manifests and manifest lists',
  system: 'Manage Bayplan',
};
