/** Stores in folders of their own, closed before their folder goes: Windows removes no file that is open. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { ImageStore, type StoreOptions } from '../../src/store/image-store.ts';

interface Closing {
  close(): unknown;
}

const open = new Map<string, Closing[]>();

/** A folder for a store; what `closedFirst` and `openStore` were told of is closed before it is removed. */
export function storeFolder(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bayplan-store-'));
  open.set(folder, []);
  t.after(async () => {
    for (const one of open.get(folder)?.toReversed() ?? []) await one.close();
    open.delete(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return folder;
}

export function closedFirst<T extends Closing>(folder: string, one: T): T {
  open.get(folder)?.push(one);
  return one;
}

export async function openStore(t: Pick<TestContext, 'after'>, folder = storeFolder(t), options: StoreOptions = {}): Promise<ImageStore> {
  return closedFirst(folder, await ImageStore.open(folder, options));
}
