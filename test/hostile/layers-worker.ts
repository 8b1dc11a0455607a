/**
 * Unpacks a layer and puts a tar into a container, again and again until it is killed; or, asked for `many`, twenty small ones.
 *
 *   layers-worker.ts BLOB DIFFID TREE TAR BASE CHANGES
 *   layers-worker.ts many BASE CHANGES NAME
 */
import { createReadStream } from 'node:fs';

import { makeLayerTree } from '../../src/layers/layer-tree.ts';
import { Tree } from '../../src/layers/tree.ts';
import { Union } from '../../src/layers/union.ts';
import { Upper } from '../../src/layers/upper.ts';
import { parseDigest } from '../../src/model/digest.ts';
import { tarOf } from '../support/make-tree.ts';

const [first = '', ...rest] = process.argv.slice(2);
const now = new Date(0);

function opened(base: string, changes: string): Upper {
  return Upper.open(changes, new Union({ layers: [Tree.open(base)], os: 'linux' }));
}

if (first === 'many') {
  const [base = '', changes = '', name = ''] = rest;
  const upper = opened(base, changes);
  for (let i = 0; i < 20; i++) {
    const tar = await tarOf([[`d/${name}-${i}`, name]]);
    await upper.extract(
      '/',
      (async function* () {
        yield tar;
      })(),
      { now },
    );
  }
} else {
  const [diffId = '', tree = '', tar = '', base = '', changes = ''] = rest;
  const upper = opened(base, changes);
  await Promise.all([
    makeLayerTree(first, parseDigest(diffId), tree, { os: 'linux' }),
    (async () => {
      for (;;) await upper.extract('/d', createReadStream(tar), { now });
    })(),
  ]);
}
