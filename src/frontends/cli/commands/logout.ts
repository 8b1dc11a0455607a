/** `bay logout`. */

import { command } from '../grammar.ts';
import { openRegistries } from '../host.ts';
import { hostOf } from './login.ts';

export const logout = command({
  description: 'Forget the credentials of a registry, the Docker Hub by default.',
  operands: { usage: '[SERVER]', min: 0, max: 1 },
  flags: { json: { type: 'bool', help: 'Print one JSON document' } },
  examples: [['Forget a registry', 'bay logout localhost:5080']],
  async run(invocation) {
    const host = hostOf(invocation.operands[0]);
    const registries = await openRegistries(invocation);
    try {
      const known = await registries.logout(host);
      const text = known ? `Removing login credentials for ${host}` : `Not logged in to ${host}`;
      invocation.terminal.print(`${invocation.flags.json ? JSON.stringify({ server: host, removed: known }) : text}\n`);
    } finally {
      registries.close();
    }
  },
});
