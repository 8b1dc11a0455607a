/** `bay help [command]`. */

import { ImageError } from '../../../errors.ts';
import { commands, groups } from '../commands.ts';
import { command } from '../grammar.ts';

export const help = command({
  operands: { usage: '[command]', min: 0 },
  flags: {},
  complete: async (_word, { given: [group, ...others] }) => {
    if (group === undefined)
      return [
        ...commands.flatMap(({ names, hidden }) => (hidden ? [] : names.filter((name) => !name.includes(' ')))),
        ...Object.keys(groups),
      ];
    return others.length > 0
      ? []
      : commands.flatMap(({ names }) => names.filter((name) => name.startsWith(`${group} `)).map((name) => name.slice(group.length + 1)));
  },
  async run({ operands, terminal }) {
    const { helpText } = await import('../help.ts');
    const name = operands.join(' ');
    const known = name === '' || groups[name] !== undefined || commands.some(({ names }) => names.includes(name));
    if (!known) throw new ImageError('invalid-argument', `unknown help topic: ${name}`, { detail: { plain: true } });
    terminal.print(await helpText(operands, { columns: terminal.isTTY.stdout ? terminal.columns() : 80 }));
  },
});
