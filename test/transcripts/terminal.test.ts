/** On a real terminal: docker's rows of progress, wide and narrow, Ctrl-C, questions, colours. Tmux is the terminal. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { honest, lyingRegistry, noise, type LyingRegistry } from '../support/lying-registry.ts';
import { makeImage } from '../support/make-image.ts';
import { screen, tmux } from '../support/screen.ts';
import { temporary } from '../support/temporary.ts';
import { ago, makeImages } from './made-images.ts';

interface Gated extends LyingRegistry {
  /** Lets the rest of the layers go out. */
  open(): void;
  /** First twelve digits of each layer. */
  readonly ids: readonly string[];
}

/** A registry that stops in the middle of every layer until it is told to go on. */
async function gatedRegistry(t: TestContext): Promise<Gated> {
  const image = await makeImage({
    layers: [noise(1_500_000, 1).toString('base64'), noise(900_000, 2).toString('base64')],
    compression: 'none',
  });
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const registry = await lyingRegistry(t, async (asked, answer, response) => {
    const layer = image.layers.find(({ digest }) => asked.method === 'GET' && asked.path.endsWith(digest));
    if (layer) {
      const bytes = image.blobs.get(layer.digest) ?? Buffer.alloc(0);
      response.writeHead(200, { 'content-length': String(bytes.length) });
      response.write(bytes.subarray(0, bytes.length / 2));
      await opened;
      response.end(bytes.subarray(bytes.length / 2));
    } else if (!honest(image, asked, answer)) answer(asked.path === '/v2/' ? 200 : 404);
  });
  return { ...registry, open, ids: image.layers.map(({ digest }) => digest.slice(7, 19)) };
}

for (const [width, bar] of [
  [130, String.raw`\[=+> +\] `],
  [60, ''],
] as const) {
  test(`a pull on a terminal of ${width} columns has a row for each layer, which is rewritten`, { skip: tmux.skip }, async (t) => {
    const registry = await gatedRegistry(t);
    const terminal = await screen(t, width, 24, join(temporary(t, 'home'), 'home'));
    await terminal.type(`bay pull ${registry.host}/app`);
    const rows = registry.ids.map((id) => String.raw`${id}: Downloading ${bar} *[\d.]+[kM]?B/[\d.]+MB\n`).join('');
    const during = await terminal.shows(new RegExp(`^latest: Pulling from app\n${rows}`, 'm'));
    assert.doesNotMatch(during, /Pulling fs layer/, 'the row of before is gone');
    registry.open();
    const after = await terminal.shows(/\/app:latest\n\$/);
    const done = registry.ids.map((id) => `${id}: Pull complete\n`).join('');
    assert.match(
      after,
      new RegExp(
        `^\\$ bay pull \\S+\nUsing default tag: latest\nlatest: Pulling from app\n${done}Digest: sha256:\\w+\nStatus: Downloaded newer image for \\S+\n\\S+/app:latest\n\\$`,
      ),
    );
  });
}

test('rows stay in their place where there are more than lines, and when the window changes', { skip: tmux.skip }, async (t) => {
  const registry = await gatedRegistry(t);
  const terminal = await screen(t, 100, 6, join(temporary(t, 'home'), 'home'));
  await terminal.type(`bay pull ${registry.host}/app`);
  await terminal.shows(new RegExp(`${registry.ids[1]}: Downloading`));
  await terminal.resize(40, 6);
  await wait(300);
  registry.open();
  const text = await terminal.shows(/:latest\n\$/);
  for (const id of registry.ids) assert.ok((text.match(new RegExp(id, 'g')) ?? []).length <= 1, text);
});

test('Ctrl-C in a pull gives the prompt back, with the code of an interrupt', { skip: tmux.skip }, async (t) => {
  const registry = await gatedRegistry(t);
  const terminal = await screen(t, 80, 24, join(temporary(t, 'home'), 'home'));
  await terminal.type(`bay pull ${registry.host}/app`);
  await terminal.shows(/: Downloading/);
  await terminal.press('C-c');
  await terminal.shows(/^Error: canceled\n/m);
  await terminal.type('echo "code $?"');
  const text = await terminal.shows(/^code \d+$/m);
  assert.match(text, /^code 130$/m);
});

test('a question is asked on the terminal, and no is an answer', { skip: tmux.skip }, async (t) => {
  const home = join(temporary(t, 'home'), 'home');
  await makeImages(home, [{ platform: 'linux/amd64', age: ago.twoDays, size: 1000 }]);
  const terminal = await screen(t, 80, 24, home);
  await terminal.type('bay image prune');
  await terminal.shows(/^Are you sure you want to continue\? \[y\/N\] *$/m);
  await terminal.type('n');
  // What is typed before the shell has its turn again stands before its prompt.
  await terminal.shows(/\[y\/N\] n\n\$ *$/m);
  await terminal.type('bay images -q | wc -l; bay image prune');
  await terminal.shows(/^1\nWARNING! [^]*\[y\/N\] *$/m);
  await terminal.type('y');
  await terminal.shows(/^Total reclaimed space: [\d.]+kB$/m);
  await terminal.type('bay image prune');
  await terminal.shows(/\[y\/N\] *\n*$/);
  await terminal.press('C-c');
  await terminal.shows(/^Error: canceled$/m);
});

test('an error has colour on a terminal, and none where NO_COLOR says so', { skip: tmux.skip }, async (t) => {
  const home = join(temporary(t, 'home'), 'home');
  const coloured = await screen(t, 80, 24, home);
  await coloured.type('bay inspect -f x nosuch');
  assert.match(await coloured.shows(/No such object/, { escapes: true }), /\u001b\[[\d;]*31m.*Error:/);
  const plain = await screen(t, 80, 24, home, { NO_COLOR: '1' });
  await plain.type('bay inspect -f x nosuch');
  assert.doesNotMatch(await plain.shows(/No such object/, { escapes: true }), /\u001b\[[\d;]*31m/);
});
