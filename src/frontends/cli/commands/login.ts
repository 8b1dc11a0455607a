/** `bay login`. */

import { ImageError } from '../../../errors.ts';
import { readBytes } from '../../../io/verified.ts';
import { command } from '../grammar.ts';
import { openRegistries } from '../host.ts';
import { ask, askSecret } from '../ask.ts';

export const login = command({
  description: 'Authenticate to a registry, the Docker Hub by default, and keep the credentials where docker keeps them.',
  operands: { usage: '[SERVER]', min: 0, max: 1 },
  flags: {
    json: { type: 'bool', help: 'Print one JSON document' },
    password: { type: 'string', short: 'p', help: 'Password or Personal Access Token (PAT)' },
    'password-stdin': { type: 'bool', help: 'Take the Password or Personal Access Token\n(PAT) from stdin' },
    username: { type: 'string', short: 'u', help: 'Username' },
    'plain-http': { type: 'bool', help: 'Speak plain http to the registry' },
  },
  examples: [['Without a password in the shell’s history', 'cat token.txt | bay login -u me --password-stdin localhost:5080']],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const host = hostOf(operands[0]);
    const { username, password } = await readCredentials(invocation, host);
    if (flags.password !== undefined) terminal.stderr.write('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
    const registries = await openRegistries(invocation, { plainHttp: flags.plainHttp });
    try {
      const { status, storedIn, unencrypted } = await registries.login(host, { username, password }, { signal: terminal.signal });
      if (unencrypted)
        terminal.stderr.write(
          `\nWARNING! Your credentials are stored unencrypted in '${storedIn}'.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n`,
        );
      terminal.print(flags.json ? `${JSON.stringify({ server: host, status, storedIn, unencrypted })}\n` : `${status}\n`);
    } finally {
      registries.close();
    }
  },
});

/** A server as people type it, `https://registry.example/v2/` too; docker.io for the Hub's old address. */
export function hostOf(server: string | undefined): string {
  const host = (server ?? 'docker.io').replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === '' || host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

function nobodyToAsk(hint: string): ImageError {
  return new ImageError('invalid-argument', 'Cannot perform an interactive login from a non TTY device', { hint });
}

async function readCredentials(
  {
    flags,
    terminal,
  }: { flags: { password: string | undefined; passwordStdin: boolean; username: string | undefined }; terminal: Parameters<typeof ask>[0] },
  host: string,
): Promise<{ username: string; password: string }> {
  if (flags.passwordStdin) {
    if (flags.password !== undefined) throw new ImageError('invalid-argument', '--password and --password-stdin are mutually exclusive');
    if (flags.username === undefined) throw new ImageError('invalid-argument', 'the --password-stdin option requires --username to be set');
    const text = (await readBytes(terminal.stdin, 64 * 1024, 'the password')).toString('utf8');
    const given = text.replace(/\r?\n$/, '');
    // Nothing is no password: docker asks for one then, and there is nobody to ask.
    if (given === '') throw nobodyToAsk('There is nothing on stdin.');
    return { username: flags.username, password: given };
  }
  if ((flags.username === undefined || flags.password === undefined) && !terminal.isTTY.stdin)
    throw nobodyToAsk('Give --username and --password-stdin.');
  const username = flags.username ?? (await ask(terminal, `Username for ${host}: `));
  const password = flags.password ?? (await askSecret(terminal, 'Password: '));
  if (username === '') throw new ImageError('invalid-argument', 'username is empty');
  if (password === '') throw new ImageError('invalid-argument', 'password is empty');
  return { username, password };
}
