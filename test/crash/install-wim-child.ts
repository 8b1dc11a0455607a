/** Installs a WIM into a store again and again, each time under another version, until it is killed. Says what is done. */
import { Containers } from '../../src/containers/containers.ts';
import { familiar } from '../../src/model/reference.ts';
import { installWim } from '../../src/operations/install-wim.ts';
import { ImageStore } from '../../src/store/image-store.ts';

const [wim = '', folder = '', first = ''] = process.argv.slice(2);
const store = await ImageStore.open(folder);
const host = { store, containers: new Containers(store) };
process.stdout.write('begun\n');
for (let round = Number(first); ; round++) {
  const { reference } = await installWim(host, wim, { version: `1.0.0.${round}`, compression: 'zstd' });
  process.stdout.write(`${familiar(reference)}\n`);
}
