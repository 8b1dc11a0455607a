/** Cmdlets on a real terminal: a question in a pipe, progress, Ctrl-C. Tmux is the terminal. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { storeFolder } from '../../src/io/home-folder.ts';
import { ImageStore } from '../../src/store/image-store.ts';
import { makeBase } from '../support/base-image.ts';
import { screen, tmux } from '../support/screen.ts';
import { temporary } from '../support/temporary.ts';

async function homeWith(home: string, ...names: readonly string[]): Promise<void> {
  await using store = await ImageStore.open(await storeFolder({ BAY_HOME: home }));
  for (const name of names) await makeBase(store, { name, files: { '/etc/name': name } });
}

test('the last of a pipe asks at the terminal, as its standard input is what came through', { skip: tmux.skip }, async (t) => {
  const home = join(temporary(t, 'home'), 'home');
  await homeWith(home, 'one:1.0', 'two:1.0', 'three:1.0');
  const terminal = await screen(t, 120, 40, home);
  await terminal.type("bay Get-ContainerImage -Name 't*' | bay Remove-ContainerImage");
  await terminal.shows(/"ContainerImage \(Name = 'three'\).*\n\[Y\] Yes {2}\[A\] Yes to All .*\(default is "Y"\): ?$/m);
  await terminal.type('n');
  await terminal.shows(/"ContainerImage \(Name = 'two'\)/);
  await terminal.type('a');
  await terminal.shows(/\): a\n\$/);
  await terminal.type('clear; bay Get-ContainerImage | bay Select-Object Name');
  const left = await terminal.shows(/Name\n-+\n[^]*\n\$ *$/m);
  assert.match(left, /^one$/m);
  assert.match(left, /^three$/m);
  assert.doesNotMatch(left, /^two$/m);
});

test('Ctrl-C at a question changes nothing, and the shell has its terminal back', { skip: tmux.skip }, async (t) => {
  const home = join(temporary(t, 'home'), 'home');
  await homeWith(home, 'one:1.0');
  const terminal = await screen(t, 120, 40, home);
  await terminal.type('bay Remove-ContainerImage one; echo "code $?"');
  await terminal.shows(/\(default is "Y"\): ?$/m);
  await terminal.press('C-c');
  await terminal.shows(/code 130|\$ *$/m);
  await terminal.type('bay Get-ContainerImage');
  await terminal.shows(/^one +1\.0\.0\.0 +True$/m);
});
