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
  readonly docker: {
    /** Path of the socket, or a pipe's name. Undefined: the usual place; `none`: nowhere. */
    readonly socket: string | undefined;
    readonly listen: { readonly host: string; readonly port: number } | undefined;
    /** Paths of PEM files: all three, or none. */
    readonly tls: { readonly cert: string; readonly key: string; readonly ca: string } | undefined;
  };
}

export const serve = command({
  description:
    'Open the doors of the container host, in the foreground: an OCI registry over the store, and the Docker Engine API, so that docker’s own client works on it. Whatever comes in by one door is in `bay images` and in the other at once. Ctrl-C ends it; uploads in progress go on after the next start.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    'docker-listen': {
      type: 'string',
      value: 'host:port',
      help: 'Open the Docker Engine API on a TCP port too; beyond this\nmachine only with the three --tls flags',
    },
    'docker-socket': {
      type: 'string',
      value: 'path',
      help: 'Where the Docker Engine API listens: a socket, or on Windows\na pipe; none for nowhere',
    },
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
    'read-only': { type: 'bool', help: 'Refuse pushes, deletions and all other changes, by any door' },
    samples: { type: 'bool', help: 'Load the sample images where the store is empty' },
    'tls-ca': { type: 'string', value: 'file', help: 'Authority whose clients may use --docker-listen' },
    'tls-cert': { type: 'string', value: 'file', help: 'Certificate of --docker-listen' },
    'tls-key': { type: 'string', value: 'file', help: 'Key of that certificate' },
  },
  examples: [
    ['A registry for this machine', 'bay serve'],
    ['On a free port', 'bay serve --listen 127.0.0.1:0'],
    ['For docker’s client, which asks as docker -H unix:///tmp/bay.sock images', 'bay serve --docker-socket /tmp/bay.sock'],
  ],
  async run({ flags, serve: open, terminal }) {
    const { tlsCert: cert, tlsKey: key, tlsCa: ca } = flags;
    const some = [cert, key, ca].filter((file) => file !== undefined).length;
    if (some > 0 && some < 3)
      throw new ImageError('invalid-argument', '--tls-cert, --tls-key and --tls-ca go together', {
        hint: 'Clients and server prove to each other who they are: that takes a certificate, its key, and the authority of the clients.',
      });
    const docker = {
      socket: flags.dockerSocket,
      listen: flags.dockerListen === undefined ? undefined : parseListen(flags.dockerListen),
      tls: cert === undefined || key === undefined || ca === undefined ? undefined : { cert, key, ca },
    };
    return open(
      { ...parseListen(flags.listen), openToAnyone: flags.openToAnyone, readOnly: flags.readOnly, samples: flags.samples, docker },
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
