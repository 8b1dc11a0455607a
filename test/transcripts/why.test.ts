/** Who needs an image, what was made from what, and a removal that stops for it: as typed. */
import { test } from 'node:test';

import { Console, skipWithoutShell } from './console.ts';
import { ago, makeImages, makeIndexOf } from './made-images.ts';

const skip = skipWithoutShell;

/** What an index of a layer takes is no matter of this page. */
const sizes = "| sed -E 's/[0-9.]+kB +/size   /'";

async function family(console: Console): Promise<void> {
  const debian = { name: 'debian:12', platform: 'linux/amd64', age: ago.twoWeeks, size: 20_000 };
  await makeImages(console.home, [
    { ...debian, also: ['debian:bookworm'] },
    { name: 'me/runtime:1', base: 'debian:12', age: ago.twoDays, size: 10_000, createdBy: 'COPY runtime /srv' },
    { name: 'nanoserver:10.0.10586.0', age: ago.fiveHours, size: 30_000 },
  ]);
  await console.run('bay create --name web me/runtime:1 sh');
  await console.run('echo new > new && bay cp new web:/srv/new && bay commit -m "what was new" web me/app:1');
  await console.run('bay create --name app me/app:1 sh');
}

test('why: names, containers and children, down to the last', { skip }, async (t) => {
  const console = new Console(t);
  await family(console);
  await console.type('bay why debian:12');
  await console.type('bay why me/app:1');
  await console.type('bay why nanoserver:10.0.10586.0');
  await console.type("bay why -f '{{range .Containers}}{{.Name}} is {{.State}}{{end}}' me/runtime:1");
  await console.type('bay why nosuch');
  console.matches('why.txt');
});

test('tree: each image under the one that it was made from', { skip }, async (t) => {
  const console = new Console(t);
  await console.type(`bay tree ${sizes}`);
  await family(console);
  await console.type(`bay tree ${sizes}`);
  await console.type(`bay tree me/runtime:1 ${sizes}`);
  await console.type("bay tree --format '{{.Depth}} {{.Names}} {{.KnownBy}}'");
  await makeIndexOf(console.home, ['debian:12', 'nanoserver:10.0.10586.0'], 'both:1');
  await console.type(`bay tree ${sizes}`);
  console.matches('tree.txt');
});

test('history: down to the base, past a commit', { skip }, async (t) => {
  const console = new Console(t);
  await family(console);
  await console.type("bay history --format '{{.ID}} {{.CreatedBy}} {{.Comment}}' me/app:1");
  await console.type("bay inspect -f '{{.Parent}} {{json .Parents}}' me/app:1");
  console.matches('history-parents.txt');
});

test('rmi: refused for what stands on it, planned, and done with all of it', { skip }, async (t) => {
  const console = new Console(t);
  await family(console);
  await console.type('bay rmi debian:bookworm');
  await console.type('bay rmi me/runtime:1');
  await console.type('bay rmi -f me/app:1');
  await console.type('bay rmi --with-containers me/runtime:1');
  await console.type('bay rmi --tree me/runtime:1');
  // What packs the few bytes that were committed depends on their time.
  await console.type("bay rmi --dry-run --tree --with-containers debian:12 | sed 's/[0-9.]*kB/<size>/'");
  await console.type('bay rmi --tree --with-containers debian:12');
  await console.type('bay images');
  await console.type('bay ps -a');
  await console.type(
    "bay events --since 1h --until 0s --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}' | tail -n 12 | sed -E 's/sha256:[0-9a-f]+/the image/'",
  );
  console.matches('rmi-tree.txt');
});

test('events: what happened, in the words of the templates and filters', { skip }, async (t) => {
  const console = new Console(t);
  await makeImages(console.home, [
    { name: 'debian:12', platform: 'linux/amd64', age: ago.twoDays, size: 1000, changes: ['LABEL tier=web'] },
  ]);
  await console.run('bay tag debian:12 me/base:1; bay rmi me/base:1');
  const time = 'sed -E \'s/[0-9-]{10}T[0-9:.]+Z/<time>/; s/"time(Nano)?":[0-9]+/"time\\1":0/g\'';
  await console.type(`bay events --since 1h --until 0s | ${time}`);
  await console.type(`bay events --since 1h --until 0s -f event=untag --json | ${time}`);
  await console.type("bay events --since 1h --until 0s -f label=tier=web --format '{{.Action}} {{.Actor.Attributes.tier}}'");
  await console.type('bay events --since perhaps --until 0s');
  console.matches('events.txt');
});
