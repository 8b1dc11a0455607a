/** `bay create` and `bay container create`. */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { asImageError, ImageError, isImageError, isSystemError } from '../../../errors.ts';
import { shortId } from '../../../model/digest.ts';
import type { Platform } from '../../../model/platform.ts';
import { familiar, parseReference, withDefaultTag } from '../../../model/reference.ts';
import { createContainer, type CreatedContainer } from '../../../operations/create-container.ts';
import { completeImages } from '../complete-images.ts';
import { createDocument, type CreateLine } from '../create/create-document.ts';
import { createFlags } from '../create/create-flags.ts';
import { command, type GlobalValues } from '../grammar.ts';
import { openContainers, openRegistries } from '../host.ts';
import { ProgressRows } from '../progress.ts';
import { onStderr, showPull } from '../show-pull.ts';
import type { Terminal } from '../terminal.ts';
import { program, usageLine, withUsage } from '../usage.ts';
import { platformFlag } from '../platform-flag.ts';

const operands = { usage: 'IMAGE [COMMAND] [ARG...]', min: 1, stopAtFirst: true } as const;

export const create = command({
  description: 'Create a new container: an object on top of an image, to be changed, compared and committed. Nothing runs.',
  operands,
  flags: createFlags,
  examples: [
    ['A container to change', 'bay create --name work debian:12'],
    ['Then: files in, what changed, an image of it', 'bay cp app work:/opt && bay diff work && bay commit work me/app:1'],
    ['Of another platform', 'bay create --platform windows/amd64 --name win mcr.microsoft.com/windows/nanoserver:ltsc2022'],
  ],
  complete: async (word, context) => (context.given.length === 0 ? completeImages(word, context) : []),
  async run(invocation) {
    const { flags, given, operands: words, terminal, globals, name } = invocation;
    const [image, ...rest] = words;
    const document = await readLine(name, { flags, given, image, command: rest, terminal });
    const file = flags.cidfile === undefined ? undefined : resolve(terminal.cwd, flags.cidfile);
    await using host = await openContainers(invocation);
    const options = {
      name: flags.name,
      platform: platformFlag(flags.platform, 'error parsing specified platform: '),
      signal: terminal.signal,
    };
    const pull = async () => pullImage(host, image, { quiet: flags.quiet, platform: options.platform }, terminal, globals);
    if (file !== undefined) await reserveIdFile(file, flags.cidfile ?? '');
    if (flags.pull === 'always') await pull();
    const created = await createShown(host, document, options, terminal).catch(async (error: unknown) => {
      if (flags.pull !== 'missing' || !isImageError(error, 'not-found', 'platform-not-found') || !isMissingImage(error)) throw error;
      terminal.stderr.write(`Unable to find image '${familiar(withDefaultTag(parseReference(image)))}' locally\n`);
      await pull();
      return createShown(host, document, options, terminal);
    });
    for (const warning of created.Warnings) terminal.stderr.write(`WARNING: ${warning}\n`);
    if (file !== undefined) await writeFile(file, created.Id);
    terminal.print(`${created.Id}\n`);
  },
});

/** The document; what the line says wrongly is shown as docker's client shows it, with exit code 125. */
async function readLine(name: string, line: CreateLine): Promise<Readonly<Record<string, unknown>>> {
  try {
    if (!['always', 'missing', 'never', ''].includes(line.flags.pull))
      throw new ImageError('invalid-argument', `invalid pull option: '${line.flags.pull}': must be one of "always", "missing" or "never"`);
    return await createDocument(line);
  } catch (error) {
    if (!isImageError(error)) throw error;
    const help = `${program} ${name}`;
    if (error.detail['usage'] === true) throw withUsage(error, usageLine(name, createFlags, operands), help);
    throw new ImageError(error.code, `${program}: ${error.message}\n\nRun '${help} --help' for more information`, {
      detail: { exitCode: 125, plain: true },
      cause: error,
    });
  }
}

function isMissingImage(error: ImageError): boolean {
  return error.code === 'platform-not-found' || /^No such image/.test(error.message);
}

async function reserveIdFile(path: string, shown: string): Promise<void> {
  try {
    await writeFile(path, '', { flag: 'wx' });
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw asImageError(error, `failed to create the container ID file ${shown}`);
    throw new ImageError('conflict', `container ID file found, make sure the other container isn't running or delete ${shown}`);
  }
}

type ContainersHost = Awaited<ReturnType<typeof openContainers>>;

async function createShown(
  host: ContainersHost,
  document: unknown,
  options: Parameters<typeof createContainer>[2],
  terminal: Terminal,
): Promise<CreatedContainer> {
  // Laying layers out takes its time: on a terminal it is shown, as docker's pull shows it.
  if (!terminal.isTTY.stderr) return createContainer(host, document, options);
  using rows = new ProgressRows(onStderr(terminal));
  return await createContainer(host, document, {
    ...options,
    onProgress: ({ target, state, current = 0 }) => {
      if (state === 'copying') rows.row({ id: shortId(target.digest), status: 'Extracting', current, total: target.size });
      if (state === 'done') rows.row({ id: shortId(target.digest), status: 'Pull complete' });
    },
  });
}

async function pullImage(
  host: ContainersHost,
  image: string,
  { quiet, platform }: { readonly quiet: boolean; readonly platform: Platform | undefined },
  terminal: Terminal,
  globals: GlobalValues,
): Promise<void> {
  const registries = await openRegistries({ terminal, globals });
  try {
    const pulling = { store: host.store, remote: registries.repository.bind(registries) };
    const reference = withDefaultTag(parseReference(image));
    if (quiet) {
      const { pull } = await import('../../../operations/pull.ts');
      await pull(pulling, reference, { platform, signal: terminal.signal });
    } else await showPull(pulling, reference, { platform, signal: terminal.signal }, onStderr(terminal));
  } finally {
    registries.close();
  }
}
