/** Writes a folder to a WIM again and again, until it is killed. */
import { createWim } from '../../src/operations/create-wim.ts';

const [folder = '', file = ''] = process.argv.slice(2);
for (let round = 0; ; round++) {
  await createWim(folder, file, { overwrite: true, compression: 'xpress' });
  process.stdout.write(`${round}\n`);
}
