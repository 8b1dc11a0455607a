import type { Duplex } from 'node:stream';
import { buildElsewhere, buildsNothing } from './not-here.ts';

/** gRPC's UNIMPLEMENTED. */
const unimplemented = 12;

/**
 * `POST /grpc` with `Upgrade: h2c`: where docker's client looks for BuildKit. A refusal of the upgrade would make it start a builder in a container of its own,
 * with errors that nobody understands; so the connection is taken, and every call on it answered that there is no builder here.
 */
export async function answerGrpc(socket: Duplex, head: Buffer): Promise<void> {
  const { createServer } = await import('node:http2');
  const server = createServer({ maxSessionMemory: 4, settings: { maxConcurrentStreams: 16 } });
  server.on('sessionError', () => socket.destroy());
  server.on('stream', (stream) => {
    stream.on('error', () => stream.destroy());
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': String(unimplemented),
        'grpc-message': encodeURIComponent(`${buildsNothing}. ${buildElsewhere}`),
      },
      { endStream: true },
    );
  });
  socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  if (head.length > 0) socket.unshift(head);
  server.emit('connection', socket);
}
