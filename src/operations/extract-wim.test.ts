import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { rawSolidWim, type RawEntry } from '../../test/support/raw-wim.ts';
import { temporary } from '../../test/support/temporary.ts';
import { unixLinkReparse } from '../formats/wim/wim-reparse.ts';
import { Wim } from '../formats/wim/wim.ts';
import { extractWim } from './extract-wim.ts';

const dataOf = (target: string): Buffer => Buffer.from(unixLinkReparse(target)?.data ?? []);
const link = (name: string, content: Buffer): RawEntry => ({ name, attributes: 0x400, reparseTag: 0xa000_000c, content });

async function extracted(t: TestContext, entries: readonly RawEntry[], contents: readonly Buffer[]) {
  const file = rawSolidWim(entries, contents);
  const folder = temporary(t, 'extract-wim');
  writeFileSync(join(folder, 'a.wim'), file);
  await using wim = await Wim.open([join(folder, 'a.wim')]);
  const decode = t.mock.method(wim, 'decode');
  const out = join(folder, 'out');
  const result = await extractWim(wim, 1, out);
  return { out, result, decodings: decode.mock.callCount() };
}

test('what links say is decoded with the content of the files, not again by itself', async (t) => {
  const text = Buffer.from('some text\n');
  const [here, there] = [dataOf('a.txt'), dataOf('/etc/there')];
  const { out, result, decodings } = await extracted(
    t,
    [{ name: 'a.txt', content: text }, link('one', here), link('other', here), link('there', there)],
    [here, text, there],
  );
  assert.equal(decodings, 1);
  assert.equal(readFileSync(join(out, 'a.txt'), 'utf8'), 'some text\n');
  assert.deepEqual(
    ['one', 'other', 'there'].map((name) => readlinkSync(join(out, name))),
    ['a.txt', 'a.txt', '/etc/there'],
  );
  assert.deepEqual([result.files, result.links, result.bytes], [1, 3, text.length]);
});

test('a file may have as its content what a link says', async (t) => {
  const data = dataOf('same');
  const { out, result } = await extracted(t, [link('link', data), { name: 'same', content: data }], [data]);
  assert.deepEqual(readFileSync(join(out, 'same')), data);
  assert.equal(readlinkSync(join(out, 'link')), 'same');
  assert.equal(result.bytes, data.length);
});

test('what a link says is put together where it comes in two pieces', async (t) => {
  const data = dataOf('far/away');
  // The first piece of work ends at 2 MiB, with its last chunk.
  const large = Buffer.alloc(2 ** 21 - 10, 'large ');
  const { out } = await extracted(t, [{ name: 'large', content: large }, link('link', data)], [large, data]);
  assert.equal(statSync(join(out, 'large')).size, large.length);
  assert.equal(readlinkSync(join(out, 'link')), 'far/away');
});

test('thousands of files in a few solid chunks are written by workers that go on with what they have decoded', async (t) => {
  const contents = Array.from({ length: 5000 }, (_, number) => Buffer.alloc(900, `${number} `));
  const entries = contents.map((content, number): RawEntry => ({ name: `${number}`, content }));
  const { out, result, decodings } = await extracted(t, entries, contents);
  assert.deepEqual([result.files, result.bytes, decodings], [5000, 4_500_000, 1]);
  for (const [number, content] of contents.entries()) assert.ok(readFileSync(join(out, `${number}`)).equals(content), `${number}`);
});

test('what workers were ahead with when an extraction is canceled is not left in its folder', async (t) => {
  // Enough for workers that start before the files are looked at.
  const contents = Array.from({ length: 3000 }, (_, number) => Buffer.alloc(6000, `${number} `));
  const entries = contents.map((content, number): RawEntry => ({ name: `${number}`, content }));
  const folder = temporary(t, 'extract-wim');
  writeFileSync(join(folder, 'a.wim'), rawSolidWim(entries, contents));
  await using wim = await Wim.open([join(folder, 'a.wim')]);
  mkdirSync(join(folder, 'there'));
  for (const name of ['there', 'new']) {
    const stop = new AbortController();
    const out = join(folder, name);
    let wasThere = 0;
    const onProgress = () => {
      wasThere ||= readdirSync(out).length;
      stop.abort();
    };
    await assert.rejects(extractWim(wim, 1, out, { signal: stop.signal, onProgress }), { code: 'canceled' });
    assert.ok(wasThere > 0);
    if (name === 'new') assert.ok(!existsSync(out));
    else assert.deepEqual(readdirSync(out), []);
  }
});

test('of what thousands of links say some is kept, and the rest is decoded when they are made', async (t) => {
  const targets = Array.from({ length: 5000 }, (_, number) => `${number}/${'far/'.repeat(220)}`);
  const said = targets.map(dataOf);
  const entries = said.map((content, number) => link(`${number}`, content));
  const { out, result, decodings } = await extracted(t, [...entries, link('again', said.at(-1) as Buffer)], said);
  for (const [number, target] of targets.entries()) assert.equal(readlinkSync(join(out, `${number}`)), target);
  assert.equal(readlinkSync(join(out, 'again')), targets.at(-1));
  assert.deepEqual([result.links, decodings], [5001, 2]);
});

test('where the disk becomes full, another folder is advised', async (t) => {
  const content = Buffer.from('text');
  const folder = temporary(t, 'extract-wim');
  writeFileSync(join(folder, 'a.wim'), rawSolidWim([{ name: 'a', content }], [content]));
  await using wim = await Wim.open([join(folder, 'a.wim')]);
  const onProgress = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  await assert.rejects(extractWim(wim, 1, join(folder, 'out'), { onProgress }), { code: 'disk-full', hint: /elsewhere/ });
});
