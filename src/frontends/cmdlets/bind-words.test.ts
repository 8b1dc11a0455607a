import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindObject } from './bind-object.ts';
import { bindWords } from './bind-words.ts';
import { CmdletError } from './cmdlet-error.ts';
import type { Cmdlet } from './cmdlet.ts';
import { setsOf } from './parameter-sets.ts';
import { cmdlets, findCmdlet } from './table.ts';

function cmdlet(name: string): Cmdlet {
  const found = findCmdlet(name);
  assert.ok(found, name);
  return found;
}

const bound = (name: string, ...words: string[]) => bindWords(cmdlet(name), words).bound;
const version = (text: string) => ({ kind: 'version', text });
const refused = (id: string) => (error: unknown) => error instanceof CmdletError && error.record.id === id;

test('names stand in any case, shortened, with a colon, an alias, or a dash of print', () => {
  const expected = { Name: 'Nano*', Version: version('10.0.1.0') };
  assert.deepEqual(bound('get-containerimage', '-NAME', 'Nano*', '-version', '10.0.1'), expected);
  assert.deepEqual(bound('Get-ContainerImage', '-n:Nano*', '-v:10.0.1'), expected);
  assert.deepEqual(bound('Get-ContainerImage', '-Name:', 'Nano*', '\u2013Version', '10.0.1'), expected);
  assert.deepEqual(bound('Save-ContainerImage', 'x', '-RequiredVersion', '1.0', '-LiteralPath', '.'), {
    Name: ['x'],
    Version: '1.0',
    Path: '.',
  });
});

test('words without a name take the positions of the set that they fit', () => {
  assert.deepEqual(bound('Save-ContainerImage', 'NanoServer', '10.0.*', 'a.wim'), {
    Name: ['NanoServer'],
    Version: '10.0.*',
    Destination: 'a.wim',
  });
  assert.deepEqual(bound('New-ContainerImage', 'web', 'DemoImage', 'Demo', '1.0'), {
    ContainerName: 'web',
    Name: 'DemoImage',
    Publisher: 'Demo',
    Version: version('1.0.0.0'),
  });
  assert.deepEqual(bound('Get-ContainerImage', '--', '-odd'), { Name: '-odd' });
});

test('a comma joins a list, with and without spaces', () => {
  for (const words of [['a,b,c'], ['a,', 'b,', 'c'], ['a', ',b', ',c'], ['-Name', 'a,', 'b,c']])
    assert.deepEqual(bound('Find-ContainerImage', ...words), { Name: ['a', 'b', 'c'] });
});

test('switches are true, or what stands behind their colon', () => {
  const { bound: own, common } = bindWords(cmdlet('Remove-ContainerImage'), ['x', '-Force:$false', '-wi', '-Confirm:0', '-ea', 'stop']);
  assert.deepEqual(own, { Name: 'x', Force: false });
  assert.deepEqual(common, { WhatIf: true, Confirm: false, ErrorAction: 'Stop' });
  assert.throws(() => bound('Remove-ContainerImage', '-Force:'), refused('ParameterArgumentTransformationError'));
});

test("a beginning that the cmdlet and all others have is the cmdlet's", () => {
  assert.deepEqual(bound('Get-ContainerImage', '-ver', '1.0'), { Version: version('1.0.0.0') });
  assert.deepEqual(bindWords(cmdlet('Get-ContainerImage'), ['-verb']).common, { Verbose: true });
  assert.throws(() => bound('Find-ContainerImage', '-M', '1.0'), refused('AmbiguousParameter'));
});

test('parameters of two sets do not go together', () => {
  assert.throws(() => bound('Save-ContainerImage', '-Path', '.', '-Destination', 'x'), refused('AmbiguousParameterSet'));
  assert.throws(() => bound('New-Container', '-ContainerImage', 'x', '-ContainerImageName', 'y'), refused('AmbiguousParameterSet'));
});

test('versions and sizes are those of .NET', () => {
  for (const word of ['1', '1.2.3.4.5', '1.x', '99999999999.0', '-1.0'])
    assert.throws(() => bound('Get-ContainerImage', `-Version:${word}`), refused('ParameterArgumentTransformationError'), word);
  assert.deepEqual(bound('New-Container', '-ContainerImageName', 'x', '-MaximumMemoryBytes', '2GB'), {
    ContainerImageName: 'x',
    MaximumMemoryBytes: 2 ** 31,
  });
});

test('an object goes to the parameter of its type, or by the names of its properties', () => {
  const image = { typeName: 'Bayplan.ContainerImage', properties: { Name: 'n', Version: '1.0.0.0' }, text: 'n' };
  const to = (name: string, object = image) => bindObject(cmdlet(name), setsOf(cmdlet(name)), {}, object);
  assert.deepEqual(to('Remove-ContainerImage'), { Image: image });
  assert.throws(() => to('Remove-ContainerImage', { ...image, typeName: 'Other.ContainerImage' }), refused('InputObjectNotBound'));
  assert.deepEqual(to('Install-ContainerImage'), { Name: ['n'], Version: '1.0.0.0' });
  assert.throws(() => to('Remove-Container'), refused('InputObjectNotBound'));
});

test('the table is whole: each row has its help, its examples, its positions and its act', async () => {
  const names = cmdlets.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length);
  for (const row of cmdlets) {
    assert.match(row.name, /^[A-Z][a-z]+-[A-Z][A-Za-z]+$/);
    assert.ok(row.examples.length >= 2, `${row.name} has ${row.examples.length} examples`);
    for (const { line } of row.examples) assert.ok(line.includes(row.name), `${line} is no example of ${row.name}`);
    for (const text of [row.synopsis, row.description, ...row.parameters.map(({ help }) => help)])
      assert.match(text, /[.?]$/, `${row.name}: ${text}`);
    for (const set of setsOf(row)) {
      const positions = row.parameters.map((parameter) => (parameter.in ? parameter.in[set] : parameter)?.position);
      const given = positions.filter((position) => position !== undefined).toSorted((a, b) => a - b);
      assert.deepEqual(given, [...given.keys()], `${row.name}, ${set}: positions ${given.join()}`);
    }
    assert.equal(typeof (await row.load()), 'function');
  }
});

test('each example is a line that its cmdlets take', () => {
  for (const { examples } of cmdlets)
    for (const { line } of examples)
      for (const part of line.split(' | ')) {
        const [name = '', ...words] = part.match(/'[^']*'|\S+/g) ?? [];
        const found = findCmdlet(name);
        if (!found) assert.equal(name, 'Select-Object');
        else
          bindWords(
            found,
            words.map((word) => word.replaceAll("'", '')),
          );
      }
});
