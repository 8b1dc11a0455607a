import { printable } from '../../io/printable.ts';
import { isCmdletObject, type CmdletObject } from './cmdlet-object.ts';
import type { ErrorRecord } from './shell.ts';

/** An error as Windows PowerShell shows it, without the place in a script. */
export function errorText({ message, category, exceptionType, id, target }: ErrorRecord, cmdlet: string): string {
  const lines = message.split('\n').map(printable);
  const about = target === undefined ? ':' : `${shortened(targetText(target))}:${targetType(target)}`;
  return [
    `${cmdlet} : ${lines.join('\n')}`,
    `    + CategoryInfo          : ${category}: (${about}) [${cmdlet}], ${exceptionType}`,
    `    + FullyQualifiedErrorId : ${id},${cmdlet}`,
    '',
  ].join('\n');
}

function targetText(target: CmdletObject | string): string {
  return printable(isCmdletObject(target) ? target.text : target);
}

function targetType(target: CmdletObject | string): string {
  return isCmdletObject(target) ? (target.typeName.split('.').at(-1) ?? '') : 'String';
}

/** As PowerShell does: the middle goes. */
function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 15)}...${text.slice(-15)}` : text;
}
