import { errorText } from './error-text.ts';
import { cmdlets } from './table.ts';

/** What PowerShell says of a cmdlet that is not there, and which are. */
export function unknownCmdlet(word: string): string {
  const [, noun = ''] = word.toLowerCase().split('-');
  const about = cmdlets.map(({ name }) => name).filter((name) => name.toLowerCase().endsWith(`-${noun}`));
  const hint = `${about.length > 0 ? 'Of that noun there are' : 'There are'}: ${(about.length > 0 ? about : cmdlets.map(({ name }) => name)).join(', ')}.`;
  return errorText(
    {
      message: `The term '${word}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.\n${hint}`,
      id: 'CommandNotFoundException',
      category: 'ObjectNotFound',
      target: word,
      exceptionType: 'CommandNotFoundException',
    },
    word,
  ).replace(`CommandNotFoundException,${word}`, 'CommandNotFoundException');
}
