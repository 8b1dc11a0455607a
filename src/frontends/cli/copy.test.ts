import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeImage, putImage } from '../../../test/support/make-image.ts';
import { memoryTerminal } from '../../../test/support/memory-terminal.ts';
import { temporary } from '../../../test/support/temporary.ts';
import { OciFolder } from '../../content/oci-folder.ts';
import { run } from './run.ts';

test('a copy to dir: says that the digest of the image is lost there, where it is not the one that is read from it', async (t) => {
  for (const [algorithm, told] of [
    ['sha256', ''],
    ['sha512', 'Note: a dir: folder does not say what its image'],
  ] as const) {
    const home = temporary(t);
    const layout = await OciFolder.open(join(home, 'layout'), { create: true });
    const image = await makeImage({ algorithm });
    await putImage(layout, image);
    await layout.tag(image.target, 'app');
    const terminal = memoryTerminal({ cwd: home, env: { BAY_HOME: join(home, 'home') } });
    assert.equal(await run(['copy', '-q', 'oci:layout:app', 'dir:out'], terminal), 0, terminal.err);
    assert.equal(terminal.err.slice(0, told.length || undefined), told);
    assert.equal(terminal.err.includes(image.target.digest), told !== '');
  }
});
