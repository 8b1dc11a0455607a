/**
 * The page's docker blocks, one test for each: its commands typed as they stand, with `bay` for `docker`, on images of its names.
 * What comes back is compared whole, in the layout and the words of docker 28. The goldens are judged against docker's own client.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { lyingRegistry } from '../support/lying-registry.ts';
import { temporary } from '../support/temporary.ts';
import { Console, skipWithoutShell } from './console.ts';
import { hubSettings, shownAs, startHub, startServer } from './hub.ts';
import { ago, makeImages, nanoserver, windowsservercore, type NewImage } from './made-images.ts';

const skip = skipWithoutShell;

const iis: NewImage = {
  name: 'windowsservercoreiis:latest',
  base: 'windowsservercore:10.0.10586.0',
  age: ago.aMinute,
  size: 44_880,
  createdBy: 'cmd',
};
const aspnet: NewImage = {
  name: 'microsoft/aspnet:latest',
  base: 'windowsservercore:10.0.10586.0',
  age: ago.fiveHours,
  size: 101_700,
  createdBy: 'cmd /S /C #(nop) COPY aspnet',
};

test('S10, S11: a base has its version as its tag, and latest when its user says so', { skip }, async (t) => {
  const console = new Console(t);
  await makeImages(console.home, [windowsservercore('10.0.14289.1000', ago.twoDays + 1000), nanoserver('10.0.14289.1000', ago.twoDays)]);
  const { stdout } = await console.run('bay images -q windowsservercore');
  const id = stdout.trim();
  await console.type(`bay tag ${id} windowsservercore:latest`);
  await console.type('bay images');
  console.matches('page/S10-S11-tag.txt');
});

test('S18: derived and base images in one list, newest first', { skip }, async (t) => {
  const console = new Console(t);
  await makeImages(console.home, [nanoserver('10.0.10586.0', ago.twoWeeks + 1000), windowsservercore('10.0.10586.0', ago.twoWeeks), iis]);
  await console.type('bay images');
  console.matches('page/S18-images.txt');
});

test('S20: an image goes by its name, and by its id', { skip }, async (t) => {
  const console = new Console(t);
  const images = [windowsservercore('10.0.10586.0', ago.twoWeeks), iis];
  await makeImages(console.home, images);
  await console.type('bay rmi windowsservercoreiis');
  await console.type('bay images');
  await makeImages(console.home, [iis]);
  const { stdout } = await console.run('bay images -q windowsservercoreiis');
  await console.type(`bay rmi ${stdout.trim()}`);
  await console.type('bay images');
  console.matches('page/S20-rmi.txt');
});

test('S21: the history goes down to the base, and names it', { skip }, async (t) => {
  const console = new Console(t);
  await makeImages(console.home, [windowsservercore('10.0.10586.0', ago.twoWeeks), { ...iis, age: ago.threeMinutes, size: 171_200 }]);
  await console.type('bay history windowsservercoreiis');
  console.matches('page/S21-history.txt');
});

/** Names of the page's hub, with what they have installed, in the page's order. */
const hubImages: readonly (readonly [name: string, description: string])[] = [
  ['aspnet', 'ASP.NET 5 framework installed in a Windows Server Core based container'],
  ['django', 'Django installed in a Windows Server Core based container'],
  ['dotnet35', '.NET 3.5 Runtime installed in a Windows Server Core based container'],
  ['golang', 'Go Programming Language installed in a Windows Server Core based container'],
  ['httpd', 'Apache httpd installed in a Windows Server Core based container'],
  ['iis', 'Internet Information Services (IIS) installed in a Windows Server Core based container'],
  ['mongodb', 'MongoDB installed in a Windows Server Core based container'],
  ['mysql', 'MySQL installed in a Windows Server Core based container'],
  ['nginx', 'Nginx installed in a Windows Server Core based container'],
  ['node', 'Node installed in a Windows Server Core based container'],
  ['php', 'PHP running on Internet Information Services (IIS) in a Windows Server Core based container'],
  ['python', 'Python installed in a Windows Server Core based container'],
  ['rails', 'Ruby on Rails installed in a Windows Server Core based container'],
  ['redis', 'Redis installed in a Windows Server Core based container'],
  ['ruby', 'Ruby installed in a Windows Server Core based container'],
  ['sqlite', 'SQLite installed in a Windows Server Core based container'],
  ['nano-golang', 'Go Programming Language installed in a Nano Server based container'],
  ['nano-httpd', 'Apache httpd installed in a Nano Server based container'],
  ['nano-iis', 'Internet Information Services (IIS) installed in a Nano Server based container'],
  ['nano-mysql', 'MySQL installed in a Nano Server based container'],
  ['nano-nginx', 'Nginx installed in a Nano Server based container'],
  ['nano-node', 'Node installed in a Nano Server based container'],
  ['nano-python', 'Python installed in a Nano Server based container'],
  ['nano-rails', 'Ruby on Rails installed in a Nano Server based container'],
  ['nano-redis', 'Redis installed in a Nano Server based container'],
  ['nano-ruby', 'Ruby installed in a Nano Server based container'],
];

test('S22: the search shows all that the hub has', { skip }, async (t) => {
  const home = join(temporary(t, 'hub'), 'home');
  await makeImages(
    home,
    hubImages.map(([name, description]) => ({
      name: `microsoft/${name}:latest`,
      age: ago.twoDays,
      size: 100,
      changes: [`LABEL org.opencontainers.image.description="${description}"`],
    })),
  );
  const hub = await startHub(t, home);
  const console = new Console(t, { env: { CONTAINERS_REGISTRIES_CONF: hub.registriesConf } });
  const { stdout } = await console.type("bay search '*'");
  for (const [name] of hubImages) assert.match(stdout, new RegExp(`^microsoft/${name} `, 'm'));
  await console.type('bay search --limit 3 --no-trunc microsoft/nano');
  await console.type('bay search nosuchimage');
  console.matches('page/S22-search.txt');
});

test('S22: stars and officials are what the hub says', { skip }, async (t) => {
  const officials = ['aspnet', 'dotnet35', 'iis', 'nano-iis'];
  const results = hubImages.map(([name, description]) => ({
    name: `microsoft/${name}`,
    description,
    star_count: 1,
    is_official: officials.includes(name),
    is_automated: true,
  }));
  const hub = await lyingRegistry(t, ({ path, query }, answer) => {
    if (path !== '/v1/search') answer(404);
    else
      answer(200, { 'content-type': 'application/json' }, JSON.stringify({ query: query.get('q'), num_results: results.length, results }));
  });
  const console = new Console(t, { env: { CONTAINERS_REGISTRIES_CONF: hubSettings(temporary(t, 'settings'), hub.host) } });
  await console.type("bay search '*'");
  await console.type("bay search --filter is-official=true --format '{{.Name}} {{.StarCount}}' '*'");
  console.matches('page/S22-search-hub.txt');
  // In a row's JSON docker says whether an image is official; in a table it shows a mark, or none.
  const rows = await console.type("bay search --limit 0 --format json '*'");
  const said = rows.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);
  assert.deepEqual(Object.keys(said[0] ?? {}), ['Description', 'IsOfficial', 'Name', 'StarCount']);
  assert.deepEqual(
    said.map(({ Name, IsOfficial }) => [Name, IsOfficial]),
    results.map(({ name, is_official }) => [name, String(is_official)]),
  );
});

test('S23, S24: a pull brings the layers of the base along, and takes those that are here', { skip }, async (t) => {
  const home = join(temporary(t, 'hub'), 'home');
  const base = windowsservercore('10.0.10586.0', ago.twoWeeks);
  await makeImages(home, [base, aspnet]);
  const hub = await startHub(t, home);
  const env = { CONTAINERS_REGISTRIES_CONF: hub.registriesConf };

  const console = new Console(t, { env });
  await makeImages(console.home, [{ ...base, also: ['windowsservercore:latest'] }]);
  await console.type('bay pull microsoft/aspnet');
  await console.type('bay images');
  await console.type('bay pull microsoft/aspnet');
  console.matches('page/S23-S24-pull.txt');

  const without = new Console(t, { env });
  await without.type('bay pull microsoft/aspnet');
  await without.type('bay images');
  without.matches('page/S23-pull-without-base.txt');
});

test('S25: an image is kept in a registry, and deployed to other hosts with a network and without one', { skip }, async (t) => {
  const registry = await startServer(t, join(temporary(t, 'registry'), 'home'));
  const home = join(temporary(t, 'hosts'), 'home');
  const first = new Console(t);
  await makeImages(first.home, [windowsservercore('10.0.10586.0', ago.twoWeeks), iis]);
  const name = `${registry.host}/windowsservercoreiis`;
  await first.type(`bay tag windowsservercoreiis ${name}`);
  const pushed = await first.type(`bay push ${name}`);
  const again = await first.type(`bay push ${name}`);
  await first.type(`bay save -o ${home}.tar windowsservercoreiis windowsservercore:10.0.10586.0`);
  const names = { ...shownAs(registry), [`${home}.tar`]: 'images.tar' };
  assert.match(pushed.stdout, /^\w{12}: Pushed$/m);
  assert.match(again.stdout, /^\w{12}: Layer already exists$/m);
  assert.doesNotMatch(again.stdout, /Pushed/);
  first.matches('page/S25-push.txt', names);

  const online = new Console(t);
  await online.type(`bay pull ${name}`);
  await online.type('bay images');
  online.matches('page/S25-pull.txt', names);

  const offline = new Console(t);
  await offline.type(`bay load -i ${home}.tar`);
  await offline.type('bay images');
  await offline.type('bay history windowsservercoreiis');
  offline.matches('page/S25-load.txt', names);
});
