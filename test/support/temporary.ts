/** Folders that go away with the test that asked for them. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Where a peer in the chroot `$PEERS_ROOT` sees the same paths as we do: `$PEERS_SHARED`, bound into it. */
const sharedFolder: string | undefined =
  process.env['PEERS_ROOT'] === undefined ? undefined : (process.env['PEERS_SHARED'] ?? '/tmp/peers-shared');

/** A new empty folder with an absolute path; removed with all that is in it when the test ends. */
export function temporary(t: Pick<TestContext, 'after'>, name = 'test'): string {
  const parent = sharedFolder ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `bayplan-${name}-`));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
