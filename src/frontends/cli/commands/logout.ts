/** `bay logout`. */

import { command } from '../grammar.ts';
import { openRegistries } from '../host.ts';
import { hostOf } from './login.ts';

export const logout = command({
  description: 'Forget the credentials of a registry, the Docker Hub by default.',
  operands: { usage: '[SERVER]', min: 0, max: 1 },
  flags: {},
  examples: [['Forget a registry', 'bay logout localhost:5080']],
  async run(invocation) {
    const host = hostOf(invocation.operands[0]);
    const registries = await openRegistries(invocation);
    try {
      const known = await registries.logout(host);
      invocation.terminal.stdout.write(known ? `Removing login credentials for ${host}\n` : `Not logged in to ${host}\n`);
    } finally {
      registries.close();
    }
  },
});
