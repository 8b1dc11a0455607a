import { setTimeout as wait } from 'node:timers/promises';
import { ImageError, isImageError } from '../../errors.ts';
import { removeContainer } from '../../operations/remove-container.ts';
import { signalMistake } from '../../model/signal.ts';
import { zeroTime } from '../../model/zero-time.ts';
import { jsonAnswer, linesAnswer, type Answer } from './answer.ts';
import { versionedStream } from './container-stream.ts';
import type { Desk } from './desk.ts';
import type { Exchange } from './exchange.ts';
import type { Handler } from './route.ts';

// What is asked of containers that run, of one that does not. Where docker needs none that runs, its answer is ours; where it does, its refusal is.

/**
 * For what makes a container run: none does here. A container that is not there is said to be so. One that is to be removed when it ends goes where it cannot even
 * begin, with its nameless volumes, as docker's does when a start fails.
 */
export function needsRunning(what: string): Handler {
  return async ({ desk, name }) => {
    const container = await desk.host.containers.get(name);
    if (what === 'start' && container.document.host.AutoRemove) await removeContainer(desk.host, container.id, { volumes: true });
    throw new ImageError('unsupported', `cannot ${what} container ${container.name}: Bayplan keeps containers and does not run them`);
  };
}

function notRunning(id: string): string {
  return `container ${id} is not running`;
}

/** `pause` and `top`: what docker, too, has for containers that run alone. */
export async function refuseIdle({ desk, name }: Exchange): Promise<Answer> {
  const { id } = await desk.host.containers.get(name);
  throw new ImageError('conflict', notRunning(id));
}

/** `POST /containers/{name}/unpause`. Docker's status is 500, which is for faults of a server. */
export async function resumeContainer({ desk, name }: Exchange): Promise<Answer> {
  const { id } = await desk.host.containers.get(name);
  throw new ImageError('conflict', `Container ${id} is not paused`);
}

/** `POST /containers/{name}/resize`. Docker reads the sizes before it looks for the container. */
export function resizeContainer(exchange: Exchange): Promise<Answer> {
  for (const [key, what] of [
    ['h', 'height'],
    ['w', 'width'],
  ] as const) {
    const text = exchange.text(key) ?? '';
    const isNumber = /^[+-]?\d+$/.test(text);
    if (!isNumber || Number(text) < 0 || Number(text) > 0xff_ff_ff_ff)
      throw new ImageError(
        'invalid-argument',
        `invalid resize ${what} ${JSON.stringify(text.slice(0, 40))}: ${isNumber ? 'value out of range' : 'invalid syntax'}`,
      );
  }
  return refuseIdle(exchange);
}

/** `POST /containers/{name}/kill`. Docker reads the signal before it looks for the container. */
export async function killContainer(exchange: Exchange): Promise<Answer> {
  const wrong = signalMistake(exchange.text('signal') ?? 'KILL');
  const failed = `cannot kill container: ${exchange.name}`;
  if (wrong !== undefined) throw new ImageError('invalid-argument', `${failed}: ${wrong}`);
  const container = await exchange.desk.host.containers.get(exchange.name).catch((error: unknown) => {
    throw isImageError(error, 'not-found') ? new ImageError('not-found', `${failed}: ${error.message}`, { cause: error }) : error;
  });
  throw new ImageError('conflict', `${failed}: ${notRunning(container.id)}`);
}

/** `POST /containers/{name}/stop`: docker's answer for one that does not run, which is all of them. `docker compose down` needs it. */
export async function stopContainer({ desk, name }: Exchange): Promise<Answer> {
  await desk.host.containers.get(name);
  return { status: 304 };
}

/** `POST /containers/{name}/wait`: at once for one that is not to run; the others wait for an end, and the only one there is here is that the container goes. */
export async function waitForContainer(exchange: Exchange): Promise<Answer> {
  const { desk, name, version, signal } = exchange;
  // Before 1.30 there were no conditions.
  const condition = (version >= 30 ? exchange.text('condition') : undefined) ?? 'not-running';
  if (!['not-running', 'next-exit', 'removed'].includes(condition))
    throw new ImageError('invalid-argument', `invalid condition: ${JSON.stringify(condition)}`);
  const { id } = await desk.host.containers.get(name);
  if (condition === 'not-running') return jsonAnswer(200, { StatusCode: 0 });
  return linesAnswer(async (lines) => {
    // Clients start the container when they have the head.
    lines.start();
    if (await isGone(desk, id, AbortSignal.any([signal, desk.ending]))) lines.raw('{"StatusCode":0}\n');
  });
}

/** Milliseconds between two looks: what another process does is seen as late as that. */
const interval = 100;

/** Resolves when the container is removed, by any process: true; false when the signal aborts. */
async function isGone({ host }: Desk, id: string, signal: AbortSignal): Promise<boolean> {
  let epoch: unknown;
  while (!signal.aborted) {
    const now = host.store.epoch();
    if (now !== epoch) {
      epoch = now;
      try {
        await host.containers.get(id);
      } catch (error) {
        if (isImageError(error, 'not-found')) return true;
        throw error;
      }
    }
    await wait(interval, undefined, { signal }).catch(() => {});
  }
  return false;
}

/** `POST /containers/{name}/attach` without another protocol: what a container that does not run says is nothing, and ends at once. */
export async function attachToContainer({ desk, name }: Exchange): Promise<Answer> {
  await desk.host.containers.get(name);
  return { status: 200, headers: { 'Content-Type': 'application/vnd.docker.raw-stream', Connection: 'close' } };
}

/** `GET /containers/{name}/logs`: nothing was ever said. */
export async function showLogs(exchange: Exchange): Promise<Answer> {
  if (!exchange.flag('stdout') && !exchange.flag('stderr'))
    throw new ImageError('invalid-argument', 'Bad parameters: you must choose at least one stream');
  const container = await exchange.desk.host.containers.get(exchange.name);
  for (const key of ['since', 'until']) exchange.time(key);
  return { status: 200, headers: { 'Content-Type': versionedStream(exchange.version, container.document.config.Tty) } };
}

/** `GET /containers/{name}/stats`: docker's zeros for one that does not run; as a stream once a second. */
export async function measureContainer(exchange: Exchange): Promise<Answer> {
  const { desk, signal } = exchange;
  const { id, name } = await desk.host.containers.get(exchange.name);
  const cpu = {
    cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
  const nothing = {
    name: `/${name}`,
    id,
    read: zeroTime,
    preread: zeroTime,
    pids_stats: {},
    blkio_stats: {
      io_service_bytes_recursive: null,
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu,
    precpu_stats: cpu,
    memory_stats: {},
  };
  if (!exchange.flag('stream', true)) return jsonAnswer(200, nothing);
  return linesAnswer(async (lines) => {
    const left = AbortSignal.any([signal, desk.ending]);
    lines.start();
    while (!left.aborted) {
      lines.raw(`${JSON.stringify(nothing)}\n`);
      await wait(1000, undefined, { signal: left }).catch(() => {});
    }
  });
}

/** `POST /containers/{name}/exec`. Docker reads what is to run before it looks for the container. */
export async function refuseExecution(exchange: Exchange): Promise<Answer> {
  const { Cmd } = (await exchange.json('container.ExecOptions')) ?? {};
  if (Cmd !== undefined && Cmd !== null && !Array.isArray(Cmd))
    throw new ImageError(
      'invalid-argument',
      `invalid JSON: json: cannot unmarshal ${typeof Cmd === 'boolean' ? 'bool' : typeof Cmd} into Go struct field ExecOptions.Cmd of type []string`,
    );
  if (!Array.isArray(Cmd) || Cmd.length === 0) throw new ImageError('invalid-argument', 'No exec command specified');
  return refuseIdle(exchange);
}

/** For executions: there can be none. */
export function noExecution({ name }: Exchange): Answer {
  throw new ImageError('not-found', `No such exec instance: ${name}`);
}
