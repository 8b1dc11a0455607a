/** Lines typed to both shells: the plain command line binds them as PowerShell's own binder does, or refuses them with the same error. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { bindWords } from '../../src/frontends/cmdlets/bind-words.ts';
import { CmdletError } from '../../src/frontends/cmdlets/cmdlet-error.ts';
import { valueText, type Value } from '../../src/frontends/cmdlets/cmdlet-object.ts';
import type { Cmdlet, Parameter } from '../../src/frontends/cmdlets/cmdlet.ts';
import { missingIn } from '../../src/frontends/cmdlets/parameter-sets.ts';
import { cmdlets } from '../../src/frontends/cmdlets/table.ts';
import { powershellModule, powershellSkip, startPowerShell, type PowerShell } from '../support/powershell.ts';

/** What a line comes to: parameters and their values as text in a set, or the id of an error. */
type Outcome = { readonly set: string; readonly bound: Readonly<Record<string, string>> } | string;

/** A value that fits, and one that does not where there is one. */
const samples: Readonly<Record<string, { readonly good: string; readonly bad?: string }>> = {
  string: { good: 'word' },
  'string[]': { good: 'one,two' },
  version: { good: '10.0.1.0', bad: '1.x' },
  guid: { good: '01234567-89ab-cdef-0123-456789abcdef', bad: 'no-guid' },
  int64: { good: '5', bad: 'five' },
  switch: { good: '' },
};

function words(parameter: Parameter, name = parameter.name): readonly string[] {
  const value = parameter.values?.[0] ?? samples[parameter.type]?.good;
  return parameter.type === 'switch' ? [`-${name}`] : [`-${name}`, value ?? ''];
}

/** Lines for a cmdlet: each parameter in each spelling, by name and by place, pairs of them, and mistakes. */
function linesOf(cmdlet: Cmdlet): readonly (readonly string[])[] {
  const spoken = cmdlet.parameters.filter(({ type }) => samples[type] !== undefined);
  const lines: (readonly string[])[] = [
    [],
    ['word'],
    ['word', 'word'],
    Array.from({ length: 7 }, () => '1.2.0.0'),
    ['-Nope'],
    ['-Nope', 'word'],
    ['word', '1.2'],
  ];
  for (const parameter of spoken) {
    const { name, aliases = [], type } = parameter;
    lines.push(words(parameter), words(parameter, name.toUpperCase()), [...words(parameter), ...words(parameter)]);
    for (const alias of aliases) lines.push(words(parameter, alias));
    for (let length = 1; length < name.length; length++) lines.push(words(parameter, name.slice(0, length)));
    const [, value = ''] = words(parameter);
    if (type === 'switch') lines.push([`-${name}:$false`], [`-${name}:$true`], [`-${name}:word`]);
    else lines.push([`-${name}`], [`-${name}:${value}`], [`-${name}`, '-Verbose']);
    // What an empty text is as a number or a version is nobody's concern.
    if (type.startsWith('string')) lines.push([`-${name}`, '']);
    const { bad } = samples[type] ?? {};
    if (bad !== undefined) lines.push([`-${name}`, bad]);
    if (parameter.values) lines.push([`-${name}`, 'word'], [`-${name}`, (parameter.values[0] ?? '').toUpperCase()]);
    for (const other of spoken) if (other !== parameter) lines.push([...words(parameter), ...words(other)], [...words(parameter), 'word']);
  }
  // Whole lines: all that each set must have.
  for (const set of cmdlet.sets ?? ['']) {
    const must = spoken.filter((one) => (one.in ? one.in[set] : one) && { ...one, ...one.in?.[set] }.mandatory);
    lines.push(must.flatMap((one) => words(one)));
    for (const one of spoken) lines.push([...must, ...(must.includes(one) ? [] : [one])].flatMap((item) => words(item)));
  }
  return [...new Map(lines.map((line) => [line.join('\0'), line])).values()];
}

function plain(cmdlet: Cmdlet, line: readonly string[]): Outcome {
  try {
    const { bound, sets } = bindWords(cmdlet, line);
    const set = sets.find((one) => missingIn(cmdlet, one, bound).length === 0);
    return set === undefined
      ? 'MissingMandatoryParameter'
      : { set, bound: Object.fromEntries(Object.entries(bound).map(([name, value]) => [name, text(value)])) };
  } catch (error) {
    if (error instanceof CmdletError) return error.record.id;
    throw error;
  }
}

function text(value: Value): string {
  return Array.isArray(value) ? (value as readonly Value[]).map(valueText).join(',') : valueText(value);
}

const literal = (word: string): string =>
  word
    .split(',')
    .map((part) => `'${part}'`)
    .join(',');

function quoted(word: string): string {
  const [, name = '', value] = /^(-[a-z]+)(?::(.*))?$/i.exec(word) ?? [];
  if (name === '') return literal(word);
  return value === undefined ? name : `${name}:${value.startsWith('$') ? value : literal(value)}`;
}

/** The plain command line takes a word for an object, which in PowerShell would have to be one. */
function namesObject(cmdlet: Cmdlet, line: readonly string[]): boolean {
  const objects = cmdlet.parameters.filter(({ type }) => samples[type] === undefined).map(({ name }) => `-${name.toLowerCase()}`);
  // A word at a credential's place: PowerShell would ask for the password.
  const { position = Infinity } = cmdlet.parameters.find(({ type }) => type === 'credential') ?? {};
  const placed = line.filter((word) => !word.startsWith('-')).length;
  return placed > position || line.some((word) => objects.includes(word.toLowerCase()));
}

/** Two ids of one mistake: an empty text, and what lacks something in each of the sets that are left. */
function alike(one = '', other = ''): boolean {
  const empty = (id: string): boolean => id.startsWith('"ParameterArgumentValidationError');
  return (empty(one) && empty(other)) || (one === '"MissingMandatoryParameter"' && other === '"AmbiguousParameterSet"');
}

/** The module's functions with their act taken away: they say what was bound. */
const echo = `& (Get-Module Bayplan) {
    function script:Invoke-Bay($Cmdlet, $State) {
        $bound = @{}
        foreach ($entry in $Cmdlet.MyInvocation.BoundParameters.GetEnumerator()) {
            if ($script:bayCommon -contains $entry.Key) { continue }
            $value = $entry.Value
            if ($value -is [System.Management.Automation.SwitchParameter]) { $value = $value.IsPresent }
            $bound[$entry.Key] = $value -join ','
        }
        $Cmdlet.WriteObject(@{ set = $Cmdlet.ParameterSetName; bound = $bound })
    }
}`;

describe('the plain command line binds as PowerShell does', { skip: powershellSkip }, () => {
  let shell: PowerShell;
  before(async () => {
    shell = startPowerShell();
    await shell.type(`Import-Module '${powershellModule}'`);
    assert.equal((await shell.type(echo)).text, '');
  });
  after(() => shell.end());

  for (const cmdlet of cmdlets)
    test(cmdlet.name, async () => {
      const lines = linesOf(cmdlet).filter((line) => !namesObject(cmdlet, line));
      const script = lines
        .map((line) => `try { ${cmdlet.name} ${line.map(quoted).join(' ')} } catch { $_.FullyQualifiedErrorId -replace ',.*', '' }`)
        .join('\n');
      const real = (await shell.values(script)) as Outcome[];
      assert.equal(real.length, lines.length);
      const differences = lines.flatMap((line, at) => {
        const [one, other] = [plain(cmdlet, line), real[at] ?? ''].map((outcome) => JSON.stringify(sortKeys(outcome)));
        return one === other || alike(one, other)
          ? []
          : [`${cmdlet.name} ${line.map(quoted).join(' ')}\n    plain      ${one}\n    PowerShell ${other}`];
      });
      assert.equal(differences.length, 0, `${differences.length} of ${lines.length} lines:\n${differences.join('\n')}`);
    });
});

function sortKeys(outcome: Outcome): Outcome {
  if (typeof outcome === 'string') return outcome;
  return { set: outcome.set, bound: Object.fromEntries(Object.entries(outcome.bound).toSorted(([a], [b]) => (a < b ? -1 : 1))) };
}
