import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mergeConfig, readConfig, readSettings } from './container-settings.ts';
import { readFields } from './wire-shape.ts';

test('a document is read as Go reads it: any case, zeros where nothing is said, unknown keys passed over', () => {
  const fields = {
    Name: 'string',
    Count: 'integer',
    On: 'boolean*',
    Left: 'string?',
    List: 'strings',
    Run: 'command',
    Set: 'set',
    Inner: { fields: { X: 'integer' } },
    Items: { list: { fields: { X: 'integer' } } },
  } as const;
  const zero = { Name: '', Count: 0, On: null, List: null, Run: null, Set: null, Inner: { X: 0 }, Items: null };
  assert.deepEqual(readFields(fields, {}, ''), zero);
  assert.deepEqual(readFields(fields, null, ''), zero);
  assert.deepEqual(
    readFields(fields, { name: 'a', COUNT: 1, other: 1, Left: '', Run: 'one word', set: { a: { b: 1 } }, items: [{ x: 2 }, null] }, ''),
    {
      ...zero,
      Name: 'a',
      Count: 1,
      Run: ['one word'],
      Set: { a: {} },
      Items: [{ X: 2 }, { X: 0 }],
    },
  );
  assert.deepEqual(Object.keys(readFields(fields, { Left: 'x', Name: 'y' }, '')), [
    'Name',
    'Count',
    'On',
    'Left',
    'List',
    'Run',
    'Set',
    'Inner',
    'Items',
  ]);
});

test('a 0 and a false that were said stay where nothing said is left out: they are not what is so by itself', () => {
  const fields = { Wait: 'integer*?', On: 'boolean*?' } as const;
  assert.deepEqual(readFields(fields, { Wait: 0, On: false }, ''), { Wait: 0, On: false });
  assert.deepEqual(readFields(fields, { Wait: null }, ''), {});
  const asked = readSettings({ Image: 'a', StopTimeout: 0, HostConfig: { Init: false } });
  const { StopTimeout } = mergeConfig(asked.config, readConfig({}), 'linux');
  assert.deepEqual({ StopTimeout, Init: asked.host.Init }, { StopTimeout: 0, Init: false });
});

test('what is of another kind is refused by its path, and nothing of a stranger’s keys gets into an object', () => {
  for (const [document, field] of [
    [{ HostConfig: { Memory: '1' } }, 'HostConfig.Memory'],
    [{ HostConfig: { Memory: 1.5 } }, 'HostConfig.Memory'],
    [{ HostConfig: [] }, 'HostConfig'],
    [{ Env: 'A=1' }, 'Env'],
    [{ Env: [1] }, 'Env'],
    [{ Labels: { a: 1 } }, 'Labels'],
    [{ Tty: 'yes' }, 'Tty'],
    [{ Volumes: { '/a': 1 } }, 'Volumes'],
    [{ HostConfig: { Mounts: [1] } }, 'HostConfig.Mounts'],
    [{ NetworkingConfig: { EndpointsConfig: { a: 1 } } }, 'NetworkingConfig.EndpointsConfig'],
  ] as const)
    assert.throws(
      () => readSettings(document),
      (error: { code?: string; message: string }) => {
        assert.equal(error.code, 'invalid-argument');
        assert.match(
          error.message,
          new RegExp(
            `^invalid JSON: json: cannot unmarshal \\w+(?: 1\\.5)? into Go struct field \\.${field.replaceAll('.', '\\.')} of type `,
          ),
        );
        return true;
      },
    );
  assert.throws(() => readSettings({ HostConfig: { Memory: 1.5 } }), /number 1\.5 into Go struct field \.HostConfig\.Memory of type int64/);
  for (const Cmd of [1, ['a', 1], {}])
    assert.throws(
      () => readSettings({ Cmd }),
      /^ImageError: invalid JSON: json: cannot unmarshal (?:number|array|object) into Go value of type string$/,
    );
  const { config } = readSettings(JSON.parse('{"Labels":{"__proto__":"x","constructor":"y"},"Volumes":{"__proto__":{}}}'));
  assert.deepEqual(Object.keys(config.Labels ?? {}), ['__proto__', 'constructor']);
  assert.equal(Object.getPrototypeOf(config.Labels), Object.prototype);
});

test('settings over an image’s, as docker merges them', () => {
  const image = readConfig({
    Env: ['A=1', 'Z=9'],
    Cmd: ['c'],
    Entrypoint: ['/e'],
    User: 'u',
    Labels: { a: '1', b: '1' },
    ExposedPorts: { '80/tcp': {} },
    Healthcheck: { Test: ['CMD', 'x'], Interval: 5 },
  });
  const merge = (asked: object, os = 'linux') => mergeConfig(readConfig(asked), image, os);
  assert.deepEqual([merge({}).Entrypoint, merge({}).Cmd], [['/e'], ['c']]);
  assert.deepEqual([merge({ Cmd: ['d'] }).Entrypoint, merge({ Cmd: ['d'] }).Cmd], [['/e'], ['d']]);
  assert.deepEqual(
    [merge({ Entrypoint: ['/x'] }).Entrypoint, merge({ Entrypoint: ['/x'] }).Cmd],
    [['/x'], null],
    'a new entrypoint drops the command',
  );
  assert.deepEqual([merge({ Entrypoint: [''], Cmd: ['z'] }).Entrypoint, merge({ Entrypoint: [''], Cmd: ['z'] }).Cmd], [null, ['z']]);
  assert.deepEqual(merge({ Env: ['A=2', 'B=3'] }).Env, ['A=2', 'B=3', 'Z=9']);
  assert.deepEqual(merge({ Env: ['a=2'] }).Env, ['a=2', 'A=1', 'Z=9']);
  assert.deepEqual(merge({ Env: ['a=2'] }, 'windows').Env, ['a=2', 'Z=9'], 'Windows knows no case in names');
  assert.deepEqual(merge({ Labels: { b: '2' } }).Labels, { a: '1', b: '2' });
  assert.deepEqual(merge({ ExposedPorts: { '99/tcp': {} } }).ExposedPorts, { '80/tcp': {}, '99/tcp': {} });
  assert.deepEqual(merge({ Healthcheck: { Test: ['NONE'] } }).Healthcheck, { Test: ['NONE'], Interval: 5 });
  assert.equal(merge({ User: 'me' }).User, 'me');
});
