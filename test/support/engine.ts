/** `bay serve` with its Engine API on a socket, as any process speaks to it: plain requests, nothing of docker's. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { spawnBay } from './bay.ts';

export interface EngineAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The body, read. */
  json<T>(): T;
}

export interface EngineRequest {
  /** An object is sent as JSON. */
  readonly body?: Uint8Array | Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Engine {
  readonly home: string;
  readonly socket: string;
  readonly child: ChildProcess;
  /** Without a version in the path: the newest. Rejects where the server goes away meanwhile. */
  ask(method: string, path: string, asked?: EngineRequest): Promise<EngineAnswer>;
  /** As `ask`; rejects with the server's sentence for any answer that is no success. */
  must(method: string, path: string, asked?: EngineRequest): Promise<EngineAnswer>;
  /** At once, wherever it is. */
  kill(): Promise<void>;
  /** By SIGTERM. */
  end(): Promise<void>;
}

/** Ended with the test. The socket is in the home. */
export async function startEngine(t: Pick<TestContext, 'after'>, home: string, args: readonly string[] = []): Promise<Engine> {
  mkdirSync(home, { recursive: true });
  const socket = join(home, 'engine.sock');
  const child = spawnBay(['serve', '--listen', '127.0.0.1:0', '--docker-socket', socket, ...args], { home });
  let said = '';
  child.stderr?.on('data', (part: Buffer) => (said += part.toString()));
  const exited = once(child, 'exit');
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
    agent.destroy();
  };
  t.after(() => stop('SIGTERM'));
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (part: Buffer) => {
      said += part.toString();
      if (said.includes('Ctrl-C')) resolve();
    });
    void exited.then(() => reject(new Error(`bay serve ended: ${said}`)));
  });

  const ask = (method: string, path: string, { body, headers = {} }: EngineRequest = {}): Promise<EngineAnswer> =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined || body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
      const type = body === undefined ? undefined : body === bytes ? 'application/x-tar' : 'application/json';
      const sent = request(
        {
          socketPath: socket,
          agent,
          method,
          path,
          headers: { ...(type ? { 'content-type': type } : {}), 'content-length': String(bytes?.length ?? 0), ...headers },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('close', () => {
            if (!response.complete) return reject(new Error(`${method} ${path}: the answer broke off`));
            const whole = Buffer.concat(parts);
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: whole,
              json: <T>() => JSON.parse(whole.toString()) as T,
            });
          });
        },
      );
      sent.on('error', reject);
      sent.end(bytes);
    });
  return {
    home,
    socket,
    child,
    ask,
    async must(method, path, asked) {
      const answer = await ask(method, path, asked);
      if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString().trim()}`);
      return answer;
    },
    kill: () => stop('SIGKILL'),
    end: () => stop('SIGTERM'),
  };
}
