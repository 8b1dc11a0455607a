import { ImageError } from '../../errors.ts';
import { begun } from '../../io/begun.ts';
import type { PathStat } from '../../containers/container.ts';
import { copyFromContainer } from '../../operations/copy-from-container.ts';
import { copyIntoContainer } from '../../operations/copy-into-container.ts';
import { statInContainer } from '../../operations/stat-in-container.ts';
import { emptyAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** `HEAD /containers/{name}/archive`: what is at a path, in a header. */
export async function statPath(exchange: Exchange): Promise<Answer> {
  const { desk, name, signal } = exchange;
  return emptyAnswer(200, statHeader(await statInContainer(desk.host, name, path(exchange), { signal })));
}

/** `GET /containers/{name}/archive`: what is at a path, as a tar. */
export async function sendPath(exchange: Exchange): Promise<Answer> {
  const { desk, name, signal } = exchange;
  const { stat, tar } = await copyFromContainer(desk.host, name, path(exchange), { signal });
  return { status: 200, headers: { ...statHeader(stat), 'Content-Type': 'application/x-tar' }, body: await begun(tar) };
}

/** `PUT /containers/{name}/archive`: a tar into a folder. */
export async function takePath(exchange: Exchange): Promise<Answer> {
  const { desk, name, signal } = exchange;
  await copyIntoContainer(desk.host, name, path(exchange), exchange.bytes(), {
    noOverwriteDirNonDir: exchange.flag('noOverwriteDirNonDir'),
    copyUIDGID: exchange.flag('copyUIDGID'),
    signal,
  });
  return emptyAnswer(200);
}

function path(exchange: Exchange): string {
  const text = exchange.text('path');
  if (text === undefined) throw new ImageError('invalid-argument', 'bad parameter: path cannot be empty');
  return text;
}

function statHeader(stat: PathStat): { readonly 'X-Docker-Container-Path-Stat': string } {
  return { 'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(stat)).toString('base64') };
}
