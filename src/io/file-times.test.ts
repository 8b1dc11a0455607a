import assert from 'node:assert/strict';
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporary } from '../../test/support/temporary.ts';
import { utimeOf } from './file-times.ts';

test('a time before 1970 is given, not the present', (t) => {
  const path = join(temporary(t, 'file-times'), 'a');
  writeFileSync(path, '');
  for (const seconds of [-315_619_199.5, -0.25, 0, 1.5]) {
    utimesSync(path, utimeOf(seconds), utimeOf(seconds));
    assert.equal(statSync(path).mtimeMs, seconds * 1000);
  }
});
