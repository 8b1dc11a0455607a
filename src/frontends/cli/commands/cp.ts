/** `bay cp` and `bay container cp`. */

import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PathStat } from '../../../containers/container.ts';
import { fillFolder, folderMembers } from '../../../containers/host-folder.ts';
import { asImageError, ImageError, isSystemError } from '../../../errors.ts';
import { readTar } from '../../../formats/tar/read-tar.ts';
import { writeTar, type NewTarMember } from '../../../formats/tar/write-tar.ts';
import { copyFromContainer } from '../../../operations/copy-from-container.ts';
import { copyIntoContainer } from '../../../operations/copy-into-container.ts';
import { statInContainer } from '../../../operations/stat-in-container.ts';
import { completeContainers } from '../complete-containers.ts';
import {
  baseName,
  endsInSeparator,
  keepEnd,
  meansContent,
  planCopy,
  renamed,
  splitCopyOperand,
  splitEntry,
  type CopyEnd,
  type CopyPlan,
  type PathStyle,
} from '../copy-paths.ts';
import { command } from '../grammar.ts';
import { openContainers } from '../host.ts';
import type { Terminal } from '../terminal.ts';
import { humanSize } from '../units.ts';

const ourStyle: PathStyle = { windows: process.platform === 'win32' };

/** Go's FileMode. */
const modeLink = 2 ** 27;
const modeFolder = 2 ** 31;
const modeDevice = 2 ** 26;
const has = ({ mode }: PathStat, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

export const cp = command({
  description:
    "Copy files/folders between a container and the local filesystem.\n\nUse '-' as the source to read a tar archive from stdin and extract it to a directory destination in a container.\nUse '-' as the destination to stream a tar archive of a container source to stdout.",
  operands: { usage: 'CONTAINER:SRC_PATH DEST_PATH|-\n\tbay cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH', min: 2, max: 2 },
  flags: {
    archive: { type: 'bool', short: 'a', help: 'Archive mode (copy all uid/gid information)' },
    'follow-link': { type: 'bool', short: 'L', help: 'Always follow symbol link in SRC_PATH' },
    quiet: {
      type: 'bool',
      short: 'q',
      help: 'Suppress progress output during copy. Progress\noutput is automatically suppressed if no terminal\nis attached',
    },
  },
  examples: [
    ['A folder into one that is there', 'bay cp app work:/opt'],
    ['Its content only', 'bay cp app/. work:/opt/app'],
    ['Out of a Windows container', 'bay cp win:C:/Users/readme.txt .'],
  ],
  complete: async (word, context) =>
    word.includes(':') ? [] : (await completeContainers(word, context)).map((name) => `${String(name)}:`),
  async run(invocation) {
    const { flags, operands, terminal, given } = invocation;
    for (const [at, what] of ['source', 'destination'].entries())
      if (operands[at] === '') throw new ImageError('invalid-argument', `${what} can not be empty`, { detail: { plain: true } });
    const [source, destination] = operands.map((operand) => splitCopyOperand(operand)) as [Operand, Operand];
    if (source.container !== undefined && destination.container !== undefined)
      throw new ImageError('invalid-argument', 'copying between containers is not supported', { detail: { plain: true } });
    if (source.container === undefined && destination.container === undefined)
      throw new ImageError('invalid-argument', 'must specify at least one container source', { detail: { plain: true } });
    await using host = await openContainers(invocation);
    const quiet = given.has('quiet') ? flags.quiet : !terminal.isTTY.stdout;
    const options = { ...flags, quiet };
    try {
      if (source.container !== undefined) await copyOut(host, source.container, source.path, destination.path, options, terminal);
      else await copyIn(host, source.path, destination.container ?? '', destination.path, options, terminal);
    } catch (error) {
      throw asImageError(error, 'cannot copy');
    }
  },
});

type Operand = ReturnType<typeof splitCopyOperand>;
type Opened = Awaited<ReturnType<typeof openContainers>>;

interface CopyFlags {
  readonly archive: boolean;
  readonly followLink: boolean;
  readonly quiet: boolean;
}

async function copyOut(
  host: Opened,
  container: string,
  askedPath: string,
  askedDestination: string,
  flags: CopyFlags,
  terminal: Terminal,
): Promise<void> {
  const { signal, cwd } = terminal;
  const toStdout = askedDestination === '-';
  const destination = toStdout ? '-' : keepEnd(resolve(cwd, askedDestination), askedDestination, ourStyle);
  if (!toStdout) await requireOutput(destination);
  const style = await styleOf(host, container);
  let path = askedPath;
  let rebaseName: string | undefined;
  if (flags.followLink) {
    const found = await statInContainer(host, container, askedPath, { signal });
    if (has(found, modeLink)) {
      path = keepEnd(found.linkTarget, askedPath, style);
      if (baseName(askedPath, style) !== baseName(path, style)) rebaseName = baseName(askedPath, style);
    }
  }
  const { stat: found, tar } = await copyFromContainer(host, container, path, { signal });
  if (toStdout) {
    await pipeline(tar, terminal.stdout, { signal, end: false });
    return;
  }
  try {
    const source = { path, exists: true, isFolder: has(found, modeFolder), rebaseName, style };
    const plan = planCopy(source, { ...(await localDestination(destination)), style: ourStyle });
    const counted = { bytes: 0 };
    const own = splitEntry(path, style).base;
    // First the name that was asked for, then that of the destination.
    const steps = [...(rebaseName === undefined ? [] : [{ from: own, to: rebaseName }]), ...(plan.rename ? [plan.rename] : [])];
    const { count, first } = await fillFolder(plan.folder, readMembers(tar, steps, counted), {
      noOverwriteDirNonDir: true,
      owner: flags.archive ? undefined : 'none',
      signal,
    });
    const others = count > 1 ? ` and ${count - 1} more` : '';
    if (count > 0) terminal.stderr.write(`WARNING: left out, as bay makes no devices and pipes: ${JSON.stringify(first)}${others}\n`);
    say(flags, terminal, counted.bytes, destination);
  } finally {
    tar.destroy();
  }
}

async function copyIn(
  host: Opened,
  askedPath: string,
  container: string,
  askedDestination: string,
  flags: CopyFlags,
  terminal: Terminal,
): Promise<void> {
  const { signal, cwd } = terminal;
  const style = await styleOf(host, container);
  const look = async (path: string) => statInContainer(host, container, path, { signal }).catch(() => undefined);
  let path = askedDestination;
  let found = await look(path);
  if (found && has(found, modeLink)) {
    path = found.linkTarget;
    found = await look(path);
  }
  if (found && has(found, modeDevice))
    throw new ImageError('invalid-argument', `destination "${container}:${path}" must be a directory or a regular file: got a device`, {
      detail: { plain: true },
    });
  const destination = { path, exists: found !== undefined, isFolder: found !== undefined && has(found, modeFolder), style };
  const options = { noOverwriteDirNonDir: true, copyUIDGID: flags.archive, signal };
  const counted = { bytes: 0 };
  if (askedPath === '-') {
    if (!destination.isFolder)
      throw new ImageError('invalid-argument', `destination "${container}:${askedDestination}" must be a directory`, {
        detail: { plain: true },
      });
    await copyIntoContainer(host, container, destination.path, counting(terminal.stdin, counted), options);
  } else {
    const source = await localSource(keepEnd(resolve(cwd, askedPath), askedPath, ourStyle), flags.followLink);
    const plan = planCopy({ ...source, style: ourStyle }, destination);
    const name = source.rebaseName ?? splitEntry(source.path, ourStyle).base;
    const members = renaming(folderMembers(source.path, name === '/' ? '.' : name), plan.rename ? [plan.rename] : []);
    const tar = writeTar(members, { signal });
    await copyIntoContainer(host, container, plan.folder, counting(tar, counted), options);
  }
  say(flags, terminal, counted.bytes, `${container}:${destination.path}`);
}

function say({ quiet }: CopyFlags, terminal: Terminal, bytes: number, to: string): void {
  if (!quiet) terminal.stderr.write(`Successfully copied ${humanSize(bytes)} to ${to}\n`);
}

async function styleOf(host: Opened, container: string): Promise<PathStyle> {
  return { windows: (await host.containers.get(container)).document.platform.os === 'windows' };
}

/** The source of this machine; a link at its end is followed where that was asked, or where the path goes on behind it. */
async function localSource(path: string, follow: boolean): Promise<CopyEnd> {
  const found = await lstat(path).catch((error: unknown) => {
    throw asCopied(error, path.replace(/(?<=.)[\\/]\.?$/, ''));
  });
  const goesOn = endsInSeparator(path, ourStyle) || meansContent(path, ourStyle);
  if (!follow && !goesOn) return { path, exists: true, isFolder: found.isDirectory() };
  const real = await realpath(path).catch(async (error: unknown) => {
    throw asCopied(error, await lastOfLinks(path));
  });
  const target = keepEnd(real, path, ourStyle);
  const isFolder = (await stat(target)).isDirectory();
  const [asked, own] = [baseName(path, ourStyle), baseName(target, ourStyle)];
  return { path: target, exists: true, isFolder, ...(asked === own ? {} : { rebaseName: asked }) };
}

/** Docker's words for a source that is not there. */
function asCopied(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new ImageError('not-found', `lstat ${path}: no such file or directory`, { detail: { plain: true } });
  return code === 'ENOTDIR' ? new ImageError('invalid-argument', 'not a directory', { detail: { plain: true } }) : error;
}

/** What a chain of links says that it leads to. */
async function lastOfLinks(path: string): Promise<string> {
  let at = path;
  for (let links = 0; links < 10; links++) {
    const next = await readlink(at).catch(() => undefined);
    if (next === undefined) break;
    at = resolve(dirname(at), next);
  }
  return at;
}

/** A destination of this machine, links followed. */
async function localDestination(path: string): Promise<CopyEnd> {
  let at = path;
  for (let links = 0; links < 10; links++) {
    const found = await lstat(at).catch((error: unknown) => {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    });
    if (!found) return { path: at, exists: false, isFolder: false };
    if (!found.isSymbolicLink()) return { path: at, exists: true, isFolder: found.isDirectory() };
    at = resolve(dirname(at), await readlink(at));
  }
  throw new ImageError('invalid-argument', `too many symlinks in ${JSON.stringify(path)}`, { detail: { plain: true } });
}

/** Docker's look at a destination before anything is asked of the container. */
async function requireOutput(path: string): Promise<void> {
  const invalid = (why: string) => new ImageError('invalid-argument', `invalid output path: ${why}`, { detail: { plain: true } });
  const folder = dirname(path);
  const parent = await stat(folder).catch(() => undefined);
  if (!parent?.isDirectory()) throw invalid(`directory ${JSON.stringify(folder)} does not exist`);
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isDirectory() && !found.isFile())
    throw invalid(`${JSON.stringify(path)} must be a directory or a regular file: got a device`);
}

type Renames = readonly NonNullable<CopyPlan['rename']>[];

async function* readMembers(tar: AsyncIterable<Uint8Array>, steps: Renames, counted: { bytes: number }) {
  for await (const { entry, body } of readTar(counting(tar, counted)))
    yield {
      entry: { ...entry, path: all(entry.path, steps), linkname: entry.type === 'hard-link' ? all(entry.linkname, steps) : entry.linkname },
      body,
    };
}

async function* renaming(members: AsyncIterable<NewTarMember>, steps: Renames): AsyncGenerator<NewTarMember, void, undefined> {
  for await (const { entry, body } of members)
    yield {
      entry: {
        ...entry,
        path: all(entry.path, steps),
        ...(entry.type === 'hard-link' && entry.linkname !== undefined ? { linkname: all(entry.linkname, steps) } : {}),
      },
      body,
    };
}

function all(name: string, steps: Renames): string {
  return steps.reduce((before, step) => renamed(before, step), name);
}

async function* counting(source: AsyncIterable<Uint8Array>, counted: { bytes: number }): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    counted.bytes += chunk.length;
    yield chunk;
  }
}
