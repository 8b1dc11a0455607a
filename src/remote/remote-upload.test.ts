import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import type { RepositoryAccess } from './repository-access.ts';
import { beginUpload } from './remote-upload.ts';

/** An upload begun at a registry of this address, which answers with that location. */
async function begun(registry: string, location: string): Promise<string> {
  const base = new URL(registry);
  const transport = async () => ({ status: 202, url: base, headers: { location, 'content-length': '0' }, body: Readable.from([]) });
  const push = { host: base.host, base, repository: 'app', transport, capabilities: new Set(), namespace: undefined };
  const upload = await beginUpload({ push } as unknown as RepositoryAccess);
  return upload === 'mounted' ? upload : upload.id;
}

test('content goes to no address that lies further inwards than the registry', async () => {
  for (const inner of ['127.0.0.1', 'localhost', '10.0.0.1', '169.254.169.254', '[::1]', '[::ffff:10.0.0.1]'])
    await assert.rejects(begun('https://9.9.9.9/v2/', `https://${inner}/upload`), (error) => isImageError(error, 'insecure'), inner);
  await assert.rejects(begun('http://10.0.0.1/v2/', 'http://127.0.0.1/upload'), (error) => isImageError(error, 'insecure'));
});

test('another host of the same reach, and the registry’s own address, may take it', async () => {
  assert.equal(await begun('https://9.9.9.9/v2/', 'https://8.8.8.8/upload?x=1'), 'https://8.8.8.8/upload?x=1');
  assert.equal(await begun('http://10.0.0.1/v2/', 'http://10.0.0.1:5001/upload'), 'http://10.0.0.1:5001/upload');
  assert.equal(await begun('http://127.0.0.1/v2/', '/v2/app/blobs/uploads/1'), 'http://127.0.0.1/v2/app/blobs/uploads/1');
});
