import { hostname } from 'node:os';
import type { Bound } from './call.ts';
import { CmdletError } from './cmdlet-error.ts';
import { valueText, type Value } from './cmdlet-object.ts';
import type { Cmdlet, Parameter } from './cmdlet.ts';

/** Where a cmdlet is to work, as Hyper-V's have it: of the sets that name things, since an object is one of this computer. @param sets none: of all */
export function elsewhere(...sets: readonly string[]): readonly Parameter[] {
  const within = sets.length === 0 ? {} : { in: Object.fromEntries(sets.map((set) => [set, {}])) };
  return [
    {
      name: 'ComputerName',
      type: 'string[]',
      help: 'Does it on these computers, by PowerShell remoting; the module must be installed there.',
      ...within,
    },
    { name: 'Credential', type: 'credential', help: 'As whom to log on to -ComputerName.', ...within },
    { name: 'CimSession', type: 'psobject[]', help: 'Does it on the computers of these sessions; only their names are used.', ...within },
  ];
}

export const asJob: Parameter = {
  name: 'AsJob',
  type: 'switch',
  help: 'Does it in the background, and writes the job. What would be asked is asked before.',
};

/**
 * What only PowerShell can do: jobs, and other computers. The module has done it before this sees a call, so that it speaks to plain command lines.
 * @throws CmdletError that says what to do instead
 */
export function refuseElsewhere({ name }: Pick<Cmdlet, 'name'>, bound: Bound): void {
  if (bound['AsJob'] === true)
    throw notHere(
      '-AsJob needs PowerShell, whose own jobs are.',
      `In this shell end the line with &; in PowerShell the module has -AsJob.`,
    );
  if (bound['CimSession'] !== undefined)
    throw notHere('-CimSession needs PowerShell, whose own sessions are.', `Log on there instead: ssh COMPUTER bay ${name} …`);
  const far = listed(bound['ComputerName'])
    .map(valueText)
    .find((computer) => !isHere(computer));
  if (far !== undefined) throw notHere(`bay ${name} works on this computer alone.`, `Log on there instead: ssh ${far} bay ${name} …`, far);
  if (bound['Credential'] !== undefined)
    throw notHere('-Credential is for other computers.', `Log on there instead, as whom you want: ssh USER@COMPUTER bay ${name} …`);
}

function listed(value: Value): readonly Value[] {
  return value === undefined ? [] : Array.isArray(value) ? (value as readonly Value[]) : [value];
}

function isHere(computer: string): boolean {
  return ['.', 'localhost', hostname().toLowerCase()].includes(computer.toLowerCase());
}

function notHere(message: string, hint: string, target?: string): CmdletError {
  return new CmdletError({
    message: `${message}\n${hint}`,
    id: 'OnlyInPowerShell',
    category: 'NotImplemented',
    target,
    exceptionType: 'NotSupportedException',
  });
}
