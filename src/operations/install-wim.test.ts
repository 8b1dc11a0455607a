import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../test/support/open-store.ts';
import { rawSolidWim, type RawEntry } from '../../test/support/raw-wim.ts';
import { temporary } from '../../test/support/temporary.ts';
import { Containers } from '../containers/containers.ts';
import { unixLinkReparse } from '../formats/wim/wim-reparse.ts';
import { Wim } from '../formats/wim/wim.ts';
import { installWim } from './install-wim.ts';

test('an install from a solid file decodes its metadata once, and asks once for all contents, whatever order they have in it', async (t) => {
  const folder = temporary(t, 'install-wim');
  const contents = Array.from({ length: 40 }, (_, number) => Buffer.alloc(9000, `${number} `));
  const link = Buffer.from(unixLinkReparse('there')?.data ?? []);
  const entries = contents.map((content, number): RawEntry => ({ name: `${number}`, content }));
  const file = rawSolidWim(
    [{ name: 'link', attributes: 0x400, reparseTag: 0xa000_000c, content: link }, ...entries],
    [...contents.slice(20), link, ...contents.slice(0, 20).reverse()],
  );
  writeFileSync(join(folder, 'a.wim'), file);
  const tree = t.mock.method(Wim.prototype, 'tree');
  const decode = t.mock.method(Wim.prototype, 'decode');
  const store = await openStore(t);
  const { changed } = await installWim({ store, containers: new Containers(store) }, join(folder, 'a.wim'), { accept: true });
  assert.ok(changed);
  assert.equal(tree.mock.callCount(), 1);
  assert.equal(decode.mock.callCount(), 1);
});
