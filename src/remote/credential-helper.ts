import { spawn, type ChildProcessByStdio, type SpawnOptionsWithStdioTuple, type StdioNull, type StdioPipe } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ImageError } from '../errors.ts';
import { findProgram } from '../io/find-program.ts';
import { isObject } from '../model/descriptor.ts';
import type { Credentials } from './registry-options.ts';

/**
 * Docker's credential helper protocol: `docker-credential-NAME get|store|erase|list`, the question on stdin, the answer on stdout, an error's text there too.
 * The name `<token>` says that the secret is an identity token.
 */
const maxAnswerBytes = 1024 * 1024;
/** Milliseconds in which the output of a helper that has ended is still awaited: what it has left running may hold it open for ever. */
const lastWords = 500;

export interface HelperGround {
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds until an answer is no longer waited for. */
  readonly timeout: number;
}

/** The credentials kept for a server, or undefined where the helper has none. @throws ImageError `unavailable` where the helper fails */
export async function getFromHelper(name: string, server: string, ground: HelperGround): Promise<Credentials | undefined> {
  const { failed, output } = await runHelper(name, 'get', server, ground);
  if (failed && /credentials not found/i.test(output)) return undefined;
  if (failed) throw helperFailed(name, 'get', output);
  const answer = parseAnswer(name, output);
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string') throw helperFailed(name, 'get', 'its answer has no Username and Secret');
  if (username === '' && secret === '') return undefined;
  return username === '<token>' ? { identityToken: secret } : { username, password: secret };
}

/** @throws ImageError `unavailable` */
export async function storeInHelper(name: string, server: string, credentials: Credentials, ground: HelperGround): Promise<void> {
  if ('registryToken' in credentials) throw new ImageError('unsupported', `docker-credential-${name} cannot keep a registry token`);
  const [Username, Secret] =
    'identityToken' in credentials ? ['<token>', credentials.identityToken] : [credentials.username, credentials.password];
  const { failed, output } = await runHelper(name, 'store', JSON.stringify({ ServerURL: server, Username, Secret }), ground);
  if (failed) throw helperFailed(name, 'store', output);
}

/** False where there was nothing to forget. @throws ImageError `unavailable` */
export async function eraseFromHelper(name: string, server: string, ground: HelperGround): Promise<boolean> {
  const known = (await getFromHelper(name, server, ground)) !== undefined;
  if (!known) return false;
  const { failed, output } = await runHelper(name, 'erase', server, ground);
  if (failed && !/credentials not found/i.test(output)) throw helperFailed(name, 'erase', output);
  return true;
}

function parseAnswer(name: string, output: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(output);
    if (isObject(answer)) return answer;
  } catch (cause) {
    throw new ImageError('unavailable', `docker-credential-${name} answers with something that is not JSON`, { cause });
  }
  throw helperFailed(name, 'get', 'its answer is no JSON object');
}

function helperFailed(name: string, verb: string, output: string): ImageError {
  return new ImageError('unavailable', `docker-credential-${name} ${verb} failed: ${output.trim().slice(0, 300) || 'without a word'}`, {
    detail: { reason: 'credential-helper' },
  });
}

async function runHelper(
  name: string,
  verb: 'get' | 'store' | 'erase',
  input: string,
  { env, timeout }: HelperGround,
): Promise<{ failed: boolean; output: string }> {
  // The name comes from a file: it must stay a program's name and never become a path.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw new ImageError('invalid-config', `${JSON.stringify(name)} is not the name of a credential helper`);
  const child = await startHelper(name, verb, env);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let ended: NodeJS.Timeout | undefined;
    const settle = () => {
      clearTimeout(timer);
      clearTimeout(ended);
      // A script's own children have its output too, and do not end with it.
      child.stdout.destroy();
      child.stdin.destroy();
      child.unref();
    };
    const giveUp = (why: string) => {
      child.kill();
      settle();
      reject(helperFailed(name, verb, why));
    };
    // Not spawn's own timeout: that keeps this process waiting where the program could not be started at all.
    const timer = setTimeout(() => giveUp(`it did not end within ${Math.round(timeout / 1000)} s`), timeout);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxAnswerBytes) giveUp(`its answer has more than ${maxAnswerBytes} bytes`);
      else chunks.push(chunk);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      reject(notRun(name, error.code === 'ENOENT' ? 'it is not installed, or not on PATH' : error.message, error));
    });
    const answer = (status: number | null) => {
      settle();
      resolve({ failed: status !== 0, output: Buffer.concat(chunks).toString('utf8') });
    };
    child.once('exit', (status) => (ended = setTimeout(() => answer(status), lastWords)));
    child.once('close', answer);
    child.stdin.on('error', () => {
      // A helper that ends before it has read its question is judged by its status and output.
    });
    child.stdin.end(`${input}\n`);
  });
}

/** Some helpers are batch files on Windows (gcloud's), which only its command interpreter runs. */
async function startHelper(name: string, verb: string, env: NodeJS.ProcessEnv): Promise<ChildProcessByStdio<Writable, Readable, null>> {
  const program = `docker-credential-${name}`;
  const options: SpawnOptionsWithStdioTuple<StdioPipe, StdioPipe, StdioNull> = {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
    windowsHide: true,
  };
  if (process.platform !== 'win32') return spawn(program, [verb], options);
  const file = await findProgram(program, env);
  if (file === undefined) throw notRun(name, 'it is not installed, or not on PATH');
  if (!/\.(?:bat|cmd)$/i.test(file)) return spawn(file, [verb], options);
  // Within quotes the interpreter still replaces these.
  if (/[%"]/.test(file)) throw notRun(name, `${file} is a batch file whose path the command interpreter would change`);
  const interpreter = env.ComSpec || env.COMSPEC || join(env.SystemRoot || env.SYSTEMROOT || 'C:\\Windows', 'System32', 'cmd.exe');
  return spawn(interpreter, ['/d', '/s', '/v:off', '/c', `""${file}" ${verb}"`], { ...options, windowsVerbatimArguments: true });
}

function notRun(name: string, why: string, cause?: unknown): ImageError {
  return new ImageError('unavailable', `cannot run docker-credential-${name}: ${why}`, { cause, detail: { reason: 'credential-helper' } });
}
