import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { version, type CmdletObject, type Value } from './cmdlet-object.ts';
import { formatObjects } from './format-objects.ts';
import { objectFromJson, objectJson } from './object-json.ts';
import { readObjects } from './read-objects.ts';
import { typeNames } from './views.ts';

const image = (Name: string, Publisher = 'CN=Demo', number = '1.0.0.0', IsOSImage: Value = true): CmdletObject => ({
  typeName: typeNames.image,
  properties: { Name, Publisher, Version: version(number), IsOSImage },
  text: Name,
});
const selected = (properties: Record<string, Value>): CmdletObject => ({ typeName: 'Selected.X', properties, text: '' });
const read = (text: string) => readObjects(Readable.from([Buffer.from(text)]));

test('columns are as wide as what is in them, and wide characters count twice', async () => {
  assert.equal(
    await formatObjects([image('日本'), image('NanoServer')], 100),
    `
Name       Publisher Version IsOSImage
----       --------- ------- ---------
日本       CN=Demo   1.0.0.0 True
NanoServer CN=Demo   1.0.0.0 True

`,
  );
});

test('nothing is printed of no objects', async () => {
  assert.equal(await formatObjects([], 80), '');
});

test('text of strangers moves no cursor, and a cell has one line', async () => {
  const shown = await formatObjects([image('a\u001b[2Jb', 'line\nnext')], 100);
  assert.match(shown, /^a\ufffd\[2Jb line /m);
});

test('more than four properties without a view are a list', async () => {
  assert.equal(
    await formatObjects([selected({ A: 1, Bee: ['x', 'y', 'z', 'p', 'q'], C: undefined, D: true, E: 'e' })], 80),
    `
A   : 1
Bee : {x, y, z, p...}
C   :
D   : True
E   : e

`,
  );
});

test('what is printed into a pipe is read back row by row, whatever is in the cells', async () => {
  const objects = [image('日本 の'), image('with  spaces', '', ''), image('x'.repeat(300), 'CN=A, O=B')];
  const back = await read(await formatObjects(objects));
  assert.deepEqual(
    back.map(({ typeName, properties }) => [
      typeName,
      properties['Name'],
      properties['Publisher'],
      properties['Version'],
      properties['IsOSImage'],
    ]),
    objects.map(({ typeName, properties: { Name, Publisher, Version } }) => [
      typeName,
      Name,
      Publisher,
      Version === undefined ? '' : '1.0.0.0',
      'True',
    ]),
  );
});

test('several tables in one pipe are read, and blank input is none', async () => {
  const text = (await formatObjects([image('a')])) + (await formatObjects([selected({ X: 1 })])) + (await formatObjects([image('b')]));
  assert.deepEqual(
    (await read(text)).map(({ typeName }) => typeName),
    [typeNames.image, 'Selected', typeNames.image],
  );
  assert.deepEqual(await read('\n\n'), []);
});

test('what is no table and no JSON of ours is refused', async () => {
  for (const text of ['hello\n', 'Name\nx\n', '[1,2]', '{"a":1}', '[{"Type":', '\u0000\u0001'])
    await assert.rejects(read(text), { name: 'CmdletError' }, text);
});

test('JSON brings an object back with its id and what is in it', async () => {
  const parent = image('base');
  const object: CmdletObject = {
    typeName: typeNames.image,
    properties: {
      Name: 'x',
      Version: version('1.0.0.0'),
      ParentImage: parent,
      References: ['a', 'b'],
      Size: 7,
      IsOSImage: false,
      None: undefined,
    },
    text: 'x',
  };
  const [back] = await read(JSON.stringify([objectJson(object)]));
  assert.deepEqual(back?.properties, {
    Name: 'x',
    Version: '1.0.0.0',
    ParentImage: objectFromJson(objectJson(parent)),
    References: ['a', 'b'],
    Size: 7,
    IsOSImage: false,
    None: undefined,
  });
});

test('JSON that is nested without end is read no deeper than ours goes', async () => {
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const [object] = await read(`{"Type":"X","Name":"x","Deep":${deep}}`);
  assert.equal(object?.properties['Name'], 'x');
  const text = await formatObjects([object ?? selected({})]);
  assert.match(text, /^x +\{\{/m);
});
