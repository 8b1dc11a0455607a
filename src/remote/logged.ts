import { redact } from '../errors.ts';
import type { WireLog } from './registry-options.ts';
import type { Transport } from './transport.ts';

/** Tells of every request that goes over the wire and what came of it; URLs without their secrets, headers and bodies never. */
export function logged(next: Transport, onLog: ((entry: WireLog) => void) | undefined): Transport {
  if (onLog === undefined) return next;
  return async (request) => {
    const start = performance.now();
    const entry = () => ({ method: request.method, url: redact(request.url.href), milliseconds: performance.now() - start });
    try {
      const response = await next(request);
      onLog({ ...entry(), status: response.status });
      return response;
    } catch (error) {
      onLog({ ...entry(), error: redact((error as Error).message) });
      throw error;
    }
  };
}
