/** `bay copy` between every two kinds of places: what arrives is, byte for byte, what set out. Skopeo and tar say what is there. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';

import { OciFolder } from '../../src/content/oci-folder.ts';
import { bay } from '../support/bay.ts';
import { dockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { makeIndex, putImage } from '../support/make-image.ts';
import { peer, skipWithout } from '../support/peers.ts';
import { temporary } from '../support/temporary.ts';
import { startServer } from '../transcripts/hub.ts';

const skopeo = peer('skopeo');
const tar = peer('tar');

/** A command that must succeed. */
async function typed(home: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await bay(args, { home });
  assert.equal(code, 0, `bay ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
  return stdout;
}

/** The digest of the bytes that skopeo sees as the manifest there. */
async function seen(place: string): Promise<string> {
  const { stdout } = await skopeo.run(['inspect', '--raw', ...(place.startsWith('docker://') ? ['--tls-verify=false'] : []), place]);
  return `sha256:${createHash('sha256').update(stdout).digest('hex')}`;
}

test(
  'through every pair of places the bytes of an index and of its images are the same',
  { skip: skipWithout(skopeo, dockerRegistry) },
  async (t) => {
    const folder = temporary(t, 'pairs');
    const home = join(folder, 'home');
    const registry = await startDockerRegistry(t);
    const door = await startServer(t, join(folder, 'door'));
    const index = await makeIndex(
      [
        { os: 'linux', architecture: 'amd64' },
        { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1' },
      ],
      { compression: 'zstd' },
    );
    const layout = await OciFolder.open(join(folder, 'start'), { create: true });
    await putImage(layout, index);
    await layout.tag(index.target, 'app');

    /** How we and how skopeo name a place in each kind, by a word of its own. */
    const places: Readonly<Record<string, (word: string) => { ours: string; skopeos: string }>> = {
      registry: (word) => same(`docker://${registry.host}/${word}:1`),
      door: (word) => same(`docker://${door.host}/${word}:1`),
      store: (word) => ({ ours: `${word}:1`, skopeos: `oci:${home}/store:${word}:1` }),
      oci: (word) => same(`oci:${folder}/${word}.oci:app`),
      'oci-archive': (word) => same(`oci-archive:${folder}/${word}.oci.tar:app`),
      // Skopeo sees the docker half of it alone, which can hold neither the manifest nor an index; the other half is the layout.
      'docker-archive': (word) => ({ ours: `docker-archive:${folder}/${word}.tar:app:1`, skopeos: '' }),
      dir: (word) => same(`dir:${folder}/${word}.dir`),
    };
    const kinds = Object.keys(places);
    for (const kind of kinds) await typed(home, 'copy', '-q', `oci:${folder}/start:app`, at(kind, `from-${kind}`).ours);
    function at(kind: string, word: string): { ours: string; skopeos: string } {
      const place = places[kind];
      assert.ok(place);
      return place(word);
    }
    for (const from of kinds) {
      await t.test(`from ${from}`, async () => {
        for (const to of kinds) {
          const source = at(from, `from-${from}`).ours;
          const target = at(to, `${from}-${to}`);
          await typed(home, 'copy', '-q', source, target.ours);
          if (target.skopeos !== '') assert.equal(await seen(target.skopeos), index.target.digest, `${source} to ${target.ours}`);
          const archive = `${folder}/${from}-${to}.tar`;
          if (to === 'docker-archive') {
            const { stdout } = await tar.run(['-xOf', archive, 'index.json']);
            assert.match(stdout, new RegExp(index.target.digest));
            const { stdout: bytes } = await tar.run(['-xOf', archive, `blobs/sha256/${index.target.digest.slice(7)}`]);
            assert.equal(bytes, index.blobs.get(index.target.digest)?.toString());
          }
          // One platform of it, so that its documents are seen too.
          if (to === 'registry' || to === 'door') {
            for (const { target: manifest } of index.images) {
              assert.equal(await seen(`${target.ours.slice(0, target.ours.lastIndexOf(':'))}@${manifest.digest}`), manifest.digest);
            }
          }
        }
      });
    }
  },
);

function same(place: string): { ours: string; skopeos: string } {
  return { ours: place, skopeos: place };
}
