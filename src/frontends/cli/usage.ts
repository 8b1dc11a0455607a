/**
 * The texts of a command line that cannot be run, as docker 28 prints them, and their exit codes: 125 where a flag is
 * wrong, 1 where the operands or the command are.
 */

import { ImageError } from '../../errors.ts';
import type { Flags, Operands } from './grammar.ts';

/** The name that usage lines and hints show. */
export const program = 'bay';

/** A wrong flag. `run` completes the message by the usage line of the command that it was read for. */
export function usageError(message: string): ImageError {
  return new ImageError('invalid-argument', message, { detail: { exitCode: 125, usage: true } });
}

/** `bay pull [OPTIONS] NAME[:TAG|@DIGEST]`. */
export function usageLine(name: string, flags: Flags, operands: Operands): string {
  const options = Object.values(flags).some((flag) => !flag.hidden) ? ['[OPTIONS]'] : [];
  return [program, name, ...options, ...(operands.usage === '' ? [] : [operands.usage])].join(' ');
}

/** A usage error's message under its command's usage line, ready to be printed as it is. */
export function withUsage(error: ImageError, line: string, help: string): ImageError {
  return new ImageError(error.code, `${error.message}\n\nUsage:  ${line}\n\nRun '${help} --help' for more information`, {
    detail: { exitCode: error.detail['exitCode'], plain: true },
    cause: error,
  });
}

/** Throws where a command has fewer or more operands than it takes. */
export function checkOperands(name: string, flags: Flags, operands: Operands, count: number): void {
  const { min, max = Infinity } = operands;
  if (count >= min && count <= max) return;
  const command = `${program} ${name}`;
  const plural = (number: number) => `${number} argument${number === 1 ? '' : 's'}`;
  const wants =
    max === 0
      ? 'accepts no arguments'
      : min === max
        ? `requires ${plural(min)}`
        : min === 0
          ? `requires at most ${plural(max)}`
          : max === Infinity
            ? `requires at least ${plural(min)}`
            : `requires at least ${min} and at most ${plural(max)}`;
  const see = max === Infinity ? 'See' : 'Run';
  throw new ImageError(
    'invalid-argument',
    `${program}: '${command}' ${wants}\n\nUsage:  ${usageLine(name, flags, operands)}\n\n${see} '${command} --help' for more information`,
    { detail: { exitCode: 1, plain: true } },
  );
}

/** A first word, or a word after a group's name, that names no command. */
export function unknownCommand(words: readonly string[], group?: string): ImageError {
  const usage = group === undefined ? '' : `\n\nUsage:  ${program} ${group}`;
  const help = group === undefined ? program : `${program} ${group}`;
  return new ImageError(
    'invalid-argument',
    `${program}: unknown command: ${program} ${words.join(' ')}${usage}\n\nRun '${help} --help' for more information`,
    {
      detail: { exitCode: 1, plain: true },
    },
  );
}
