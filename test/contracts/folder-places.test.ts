/** The folders that images can be in, as places for images. */
import { join } from 'node:path';

import { Directory } from '../../src/content/directory.ts';
import { OciFolder } from '../../src/content/oci-folder.ts';
import { temporary } from '../support/temporary.ts';
import { imagePlaceContract } from './image-sink.ts';

imagePlaceContract('an OCI folder', async (t) => {
  const folder = await OciFolder.open(join(temporary(t, 'oci'), 'folder'), { create: true });
  return { sink: folder, source: folder, nameOf: (tag) => `app:${tag}` };
});

// It holds one image, which has no name, and only the digits of digests.
imagePlaceContract(
  'a dir: folder',
  async (t) => {
    const folder = await Directory.open(join(temporary(t, 'dir'), 'folder'), { create: true });
    return { sink: folder, source: folder, nameOf: () => '' };
  },
  { without: ['sha512', 'several images'] },
);
