/** `bay serve`: the words of the command. What it does is the executable's, which alone knows every front door. */

import { ImageError } from '../../../errors.ts';
import { command } from '../grammar.ts';

/** Where `bay serve` opens which door. */
export interface ServeOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Listens beyond loopback though nobody has to say who they are. */
  readonly openToAnyone: boolean;
  readonly readOnly: boolean;
  /** Loads the sample images where the store is empty. */
  readonly samples: boolean;
}

export const serve = command({
  description:
    'Open the doors of the container host, in the foreground: an OCI registry over the store. Whatever is pushed to it is in `bay images` at once, and whatever is pulled is served. Ctrl-C ends it; uploads in progress go on after the next start.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    listen: {
      type: 'string',
      default: '127.0.0.1:5080',
      value: 'host:port',
      help: 'Where the registry listens; port 0 takes a free one, and the\naddress is printed',
    },
    'open-to-anyone': {
      type: 'bool',
      help: 'Allow an address beyond this machine although there is no TLS\nand no authentication: anyone who reaches it may read, push\nand delete every image',
    },
    'read-only': { type: 'bool', help: 'Refuse pushes and deletions' },
    samples: { type: 'bool', help: 'Load the sample images where the store is empty' },
  },
  examples: [
    ['A registry for this machine', 'bay serve'],
    ['On a free port', 'bay serve --listen 127.0.0.1:0'],
  ],
  async run({ flags, serve: open, terminal }) {
    return open(
      { ...parseListen(flags.listen), openToAnyone: flags.openToAnyone, readOnly: flags.readOnly, samples: flags.samples },
      terminal,
    );
  },
});

/** @throws ImageError `invalid-argument` */
export function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, bare, digits = ''] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65535)
    throw new ImageError('invalid-argument', `invalid address ${JSON.stringify(text)} to listen on`, {
      hint: 'Write HOST:PORT, as in 127.0.0.1:5080 or [::1]:5080.',
    });
  return { host: bracketed ?? (bare || '127.0.0.1'), port };
}
