import type { IncomingMessage, ServerResponse } from 'node:http';

/** Milliseconds that what a client still sends is read and dropped after its answer, so that it can read the answer; then the connection is cut. */
const linger = 5000;

/** After an answer that came before the end of the request the rest is read and dropped, to keep the connection; a client that goes on for long loses it. */
export function drainLater(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete) return;
    // Node does so itself only where nothing was read of it.
    request.resume();
    const cut = setTimeout(() => request.socket.destroy(), linger).unref();
    request.once('close', () => clearTimeout(cut));
  });
}
