/**
 * Moves the store of a home, and ends itself the COUNTth time that the move comes to a point.
 *
 *   node move-worker.ts HOME TARGET POINT COUNT
 */
import { storeFolder } from '../../src/io/home-folder.ts';
import { moveStore } from '../../src/operations/move-store.ts';
import { ImageStore } from '../../src/store/image-store.ts';

const [home = '', target = '', point, count = '1'] = process.argv.slice(2);
let left = Number(count);
const env = { BAY_HOME: home };
await using store = await ImageStore.open(await storeFolder(env), {
  at: (reached) => {
    if (reached === point && --left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
await moveStore({ store }, env, target);
