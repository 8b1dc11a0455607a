/** Downloads one file until it is there or the process is killed: `node download-process.ts URL FILE SHA256 SIZE PATH`. Says how many bytes are there. */
import { writeSync } from 'node:fs';

import { openCataloguePlace } from '../../src/catalog/catalogue-place.ts';
import { download } from '../../src/catalog/download.ts';
import { parseDigest } from '../../src/model/digest.ts';
import { openRegistries } from '../../src/remote/registries.ts';
import { isolated } from '../support/lying-registry.ts';

const [url = '', file = '', sha256 = '', size = '0', path = ''] = process.argv.slice(2);
const place = await openCataloguePlace(url, openRegistries(isolated));
await download({ place, file, sha256: parseDigest(sha256), size: Number(size) }, path, {
  onProgress: ({ state, current = 0 }) => writeSync(1, `${state} ${current}\n`),
});
