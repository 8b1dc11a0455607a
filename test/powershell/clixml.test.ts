/** What goes over the pipe, read and written by PowerShell's own serialiser. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import fc from 'fast-check';

import { readClixml } from '../../src/frontends/cmdlets/clixml-read.ts';
import { writeClixml } from '../../src/frontends/cmdlets/clixml-write.ts';
import { isCmdletObject, type CmdletObject, type Value } from '../../src/frontends/cmdlets/cmdlet-object.ts';
import { powershellSkip, startPowerShell, type PowerShell } from '../support/powershell.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '_x000A_',
    '_x005F_',
    '_xD83D_',
    '\r\n',
    '\u2028',
    '\u0000',
    '\uFEFF',
    '<![CDATA[',
    '&amp;',
    '&#10;',
    "it's",
    '"',
    ' ',
    '😀漢字',
  ),
);
const plain: fc.Arbitrary<Value> = fc.oneof(
  text,
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.constant(undefined),
  fc.date({ min: new Date('0002-01-01'), max: new Date('9998-01-01'), noInvalidDate: true }),
  fc
    .tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat())
    .map((parts) => ({ kind: 'version' as const, text: parts.map((part) => part % 65536).join('.') })),
  fc.uuid().map((guid) => ({ kind: 'guid' as const, text: guid })),
  fc.nat({ max: 86_399 }).map((seconds) => ({ kind: 'timespan' as const, text: new Date(seconds * 1000).toISOString().slice(11, 19) })),
);
const keys = fc.constantFrom('Name', 'Version', 'FullName', 'Id', 'Size');
const { object } = fc.letrec<{ object: CmdletObject; value: Value }>((tie) => ({
  value: fc.oneof({ maxDepth: 2 }, plain, fc.array(plain, { maxLength: 3 }), tie('object')),
  object: fc.record({
    typeName: fc.constantFrom('Bayplan.ContainerImage', 'Bayplan.Container'),
    text,
    properties: fc.dictionary(keys, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  }),
}));

/** Objects that were read have no prototype. */
function same(value: Value): Value {
  if (Array.isArray(value)) return (value as readonly Value[]).map(same);
  if (value === undefined || !isCmdletObject(value)) return value;
  return { ...value, properties: Object.fromEntries(Object.entries(value.properties).map(([key, item]) => [key, same(item)])) };
}

describe('CLIXML', { skip: powershellSkip }, () => {
  let shell: PowerShell;
  before(() => {
    shell = startPowerShell();
  });
  after(() => shell.end());

  test('random objects pass through PowerShell and come back equal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(object, { minLength: 1, maxLength: 10 }), async (objects) => {
        const documents = objects.map((one) => writeClixml([one]));
        for (const document of documents) assert.match(document, /^[ -~]+$/);
        const script = documents
          .map(
            (one) =>
              `[System.Management.Automation.PSSerializer]::Serialize([System.Management.Automation.PSSerializer]::Deserialize('${one.replaceAll("'", "''")}'), 8)`,
          )
          .join('\n');
        const back = (await shell.values(script)) as string[];
        assert.deepEqual(
          back.map((one) => same(readClixml(one.replaceAll(/\r?\n */g, '')))),
          objects.map(same),
        );
      }),
      { numRuns: 100 },
    );
  });

  test('several objects of one line arrive one by one, with their types', async () => {
    const image = (name: string, parent?: CmdletObject): CmdletObject => ({
      typeName: 'Bayplan.ContainerImage',
      text: name,
      properties: { Name: name, ParentImage: parent },
    });
    const line = writeClixml([image('a', image('b')), 'text', image('c')]);
    const script = `[System.Management.Automation.PSSerializer]::Deserialize('${line}') | ForEach-Object { "$($_.PSObject.TypeNames[0]) $_ $($_.ParentImage)" }`;
    assert.deepEqual(await shell.values(script), [
      'Deserialized.Bayplan.ContainerImage a b',
      'System.String text ',
      'Deserialized.Bayplan.ContainerImage c ',
    ]);
  });

  test('what PowerShell binds is read: lists, versions, objects named twice, texts with properties', async () => {
    const [document] = (await shell.values(`
      $parent = [pscustomobject] @{ Name = 'base' }
      $image = [pscustomobject] @{ Name = 'image'; Parent = $parent }
      $text = [psobject] 'a text'
      $text.PSObject.Properties.Add([System.Management.Automation.PSNoteProperty]::new('PSPath', 'x'))
      [System.Management.Automation.PSSerializer]::Serialize(@{ Names = @('a', 'b'); Version = [version] '1.2'; Both = @($image, $image); Text = $text; Day = [System.DayOfWeek]::Monday; Long = [long] 5; Link = [uri] 'https://a.example/?b&c' }, 5)
    `)) as [string];
    const read = same(readClixml(document.replaceAll(/\r?\n */g, '')));
    assert.ok(read !== undefined && isCmdletObject(read));
    const { Both: both, ...rest } = read.properties;
    assert.deepEqual(rest, {
      Names: ['a', 'b'],
      Version: { kind: 'version', text: '1.2' },
      Text: 'a text',
      Day: 1,
      Long: 5,
      Link: 'https://a.example/?b&c',
    });
    const [one, other] = both as readonly CmdletObject[];
    assert.equal((one?.properties['Parent'] as CmdletObject | undefined)?.properties['Name'], 'base');
    assert.deepEqual(one, other);
  });
});

test('what is no CLIXML is refused in a sentence', () => {
  for (const wrong of [
    '',
    'text',
    '<Objs>',
    '<Objs></Objs>',
    '<Objs><S>a</S><S>b</S></Objs>',
    '<Objs><S>a</T></Objs>',
    '<a/>',
    `<Objs>${'<Obj>'.repeat(10_000)}`,
  ])
    assert.throws(
      () => readClixml(wrong),
      { name: 'ImageError', code: 'invalid-content', message: /^What PowerShell sent cannot be read: / },
      wrong.slice(0, 40),
    );
});
