import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { parseRegistriesConf, readRegistriesConf, registriesConfFiles, rewritten, ruleFor } from './registries-conf.ts';

test('version 2: prefix, location, mirrors', async () => {
  const rules = await parseRegistriesConf(
    `unqualified-search-registries = ["quay.io"]
[[registry]]
prefix = "docker.io"
location = "hub.local:5000/mirror/"
insecure = true
[[registry.mirror]]
location = "m1.local"
[[registry.mirror]]
location = "m2.local/x"
insecure = true
pull-from-mirror = "digest-only"
[[registry]]
location = "blocked.example"
blocked = true
`,
    'registries.conf',
  );
  assert.deepEqual(rules, [
    {
      prefix: 'docker.io',
      location: 'hub.local:5000/mirror',
      insecure: true,
      blocked: false,
      mirrors: [
        { location: 'm1.local', insecure: false, pull: 'all' },
        { location: 'm2.local/x', insecure: true, pull: 'digest-only' },
      ],
    },
    { prefix: 'blocked.example', location: undefined, insecure: false, blocked: true, mirrors: [] },
  ]);
});

test('version 1 is read for its hosts', async () => {
  const rules = await parseRegistriesConf(
    '[registries.search]\nregistries = ["x"]\n[registries.insecure]\nregistries = ["a:5000"]\n[registries.block]\nregistries = ["b"]',
    'f',
  );
  assert.deepEqual(
    rules.map(({ prefix, insecure, blocked }) => [prefix, insecure, blocked]),
    [
      ['a:5000', true, false],
      ['b', false, true],
    ],
  );
});

test('what cannot be meant is refused with the file’s name', async () => {
  for (const text of [
    'not toml [',
    'registry = 1',
    '[[registry]]\ninsecure = true',
    '[[registry]]\nprefix = "a.*.com"',
    '[[registry]]\nlocation = "https://a"',
    '[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true',
    '[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "never"',
    '[registries.search]\nregistries = []\n[[registry]]\nlocation = "a"',
  ])
    await assert.rejects(
      parseRegistriesConf(text, '/etc/x.conf'),
      (error) => isImageError(error, 'invalid-config') && error.message.startsWith('/etc/x.conf: '),
      text,
    );
});

test('the longest prefix wins, at a border of its parts', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bay-conf-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'registries.conf');
  await writeFile(
    file,
    ['a.example', 'a.example/team', '*.b.example', 'docker.io/library/debian']
      .map((prefix) => `[[registry]]\nprefix = "${prefix}"\nlocation = "l.example"`)
      .join('\n'),
  );
  const rules = await readRegistriesConf([file]);
  const match = (registry: string, repository: string) => ruleFor(rules, { registry, repository })?.prefix;
  assert.equal(match('a.example', 'x'), 'a.example');
  assert.equal(match('a.example', 'team/x'), 'a.example/team');
  assert.equal(match('a.example', 'team'), 'a.example/team');
  assert.equal(match('a.example', 'teamwork'), 'a.example');
  assert.equal(match('a.example.org', 'x'), undefined);
  assert.equal(match('x.y.b.example', 'z'), '*.b.example');
  assert.equal(match('x.b.example:5000', 'z'), '*.b.example');
  assert.equal(match('b.example', 'z'), undefined);
  assert.equal(match('docker.io', 'library/debian'), 'docker.io/library/debian');
  assert.equal(match('docker.io', 'library/debian2'), undefined);
});

test('a location takes the prefix’s place', () => {
  const debian = { registry: 'docker.io', repository: 'library/debian' };
  assert.deepEqual(rewritten(debian, 'docker.io', 'hub.local:5000'), { registry: 'hub.local:5000', repository: 'library/debian' });
  assert.deepEqual(rewritten(debian, 'docker.io/library', 'hub.local/base/os'), { registry: 'hub.local', repository: 'base/os/debian' });
  assert.deepEqual(rewritten(debian, 'docker.io/library/debian', 'hub.local/deb'), { registry: 'hub.local', repository: 'deb' });
  assert.deepEqual(rewritten({ registry: 'x.b.example', repository: 'z' }, '*.b.example', 'm.local/b'), {
    registry: 'm.local',
    repository: 'b/z',
  });
});

test('an explicit file is read with its drop-ins alone, and an empty name is none', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bay-conf-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'r.conf');
  await mkdir(`${file}.d`);
  await writeFile(file, '[[registry]]\nlocation = "a"\ninsecure = true');
  await writeFile(join(`${file}.d`, '50.conf'), '[[registry]]\nlocation = "a"\nblocked = true');
  await writeFile(join(`${file}.d`, 'note.txt'), 'not a setting');
  const files = await registriesConfFiles(undefined, { CONTAINERS_REGISTRIES_CONF: file });
  assert.deepEqual(files, [file, join(`${file}.d`, '50.conf')]);
  assert.deepEqual(
    (await readRegistriesConf(files)).map(({ insecure, blocked }) => [insecure, blocked]),
    [[false, true]],
  );
  assert.deepEqual(await registriesConfFiles('', { CONTAINERS_REGISTRIES_CONF: file }), []);
  assert.deepEqual(await readRegistriesConf([join(folder, 'absent')]), []);
});

test('rules are found however their key is written, beside aliases', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bayplan-registries-conf-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'registries.conf');
  for (const rules of [
    '[[registry]]\nlocation = "here.example"',
    '  [[ "registry" ]]\r\nlocation = "here.example"',
    'registry = [{ location = "here.example" }]',
    '"registry" = [{ location = "here.example" }]',
    '[registries.insecure]\nregistries = ["here.example"]',
    '[registries]\ninsecure = { registries = ["here.example"] }',
  ]) {
    await writeFile(file, `${rules}\n`);
    assert.deepEqual(
      (await readRegistriesConf([file])).map(({ prefix }) => prefix),
      ['here.example'],
      rules,
    );
  }
  // What no parser would take shows that none was asked.
  await writeFile(
    file,
    '# [[registry]]\n[aliases]\n"rhel" = "registry.access.redhat.com/rhel"\n"registry" = "docker.io/library/registry"\nno TOML\n',
  );
  assert.deepEqual(await readRegistriesConf([file]), []);
});
