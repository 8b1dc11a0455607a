/** `bay completion`, and the hidden command that its scripts call for each word. */

import { ImageError } from '../../../errors.ts';
import { command } from '../grammar.ts';

export const completion = command({
  description: `Generate the autocompletion script for a shell: bash, fish, powershell or zsh.

To load completions in the current session:

  bash         source <(bay completion bash)
  fish         bay completion fish | source
  powershell   bay completion powershell | Out-String | Invoke-Expression
  zsh          source <(bay completion zsh)

To load them in every session, write the script where the shell looks for it:

  bash         bay completion bash > ~/.local/share/bash-completion/completions/bay
  fish         bay completion fish > ~/.config/fish/completions/bay.fish
  powershell   add the line above to the file that $PROFILE names
  zsh          bay completion zsh > "\${fpath[1]}/_bay"`,
  operands: { usage: 'SHELL', min: 1, max: 1 },
  flags: {},
  complete: async () => ['bash', 'fish', 'powershell', 'zsh'],
  async run({ operands: [shell], terminal }) {
    const { completionScripts } = await import('../completion-scripts.ts');
    const script = Object.entries(completionScripts).find(([name]) => name === shell)?.[1];
    if (script === undefined) {
      throw new ImageError('invalid-argument', `no completion for the shell "${shell}"`, {
        hint: 'Name one of bash, fish, powershell, zsh.',
      });
    }
    terminal.print(script);
  },
});

export const complete = command({
  operands: { usage: '[WORD...]', min: 0, stopAtFirst: true },
  flags: { next: { type: 'bool', help: 'Complete a new word after the words given' } },
  async run({ operands, flags, terminal }) {
    const { candidates } = await import('../completion.ts');
    const line = flags.next ? [...operands, ''] : operands;
    const { words, files } = await candidates(line.slice(0, -1), line.at(-1) ?? '', terminal);
    const lines = words.map(([word, description]) => (description === '' ? word : `${word}\t${description}`));
    terminal.print([...lines, files ? ':files' : ':words', ''].join('\n'));
  },
});
