import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { typedPath } from '../../../io/path-rules.ts';
import type { FoundBaseImage } from '../../../operations/find-base.ts';
import { savedFileName, saveBaseImage } from '../../../operations/save-base.ts';
import type { Act, Call } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import type { CmdletHost } from '../cmdlet-host.ts';
import { eachOf } from '../each-of.ts';
import { elapsed } from '../elapsed.ts';
import { onePath, pathNotFound } from '../existing-paths.ts';
import { chooseItems, itemText } from '../find-items.ts';
import { ProgressOf } from '../progress-of.ts';
import type { Shell } from '../shell.ts';

export const saveContainerImage: Act = async (call, shell) => {
  const destination = call.text('Destination');
  if (destination === undefined) return saveInto(await onePath(shell, call.text('Path') ?? ''), call, shell);
  const path = typedPath(shell.cwd, destination);
  // Before anything is looked for: what is not found would leave one image, and a file that holds another than somebody thinks.
  if (Math.max(call.texts('Name')?.length ?? 0, call.values('InputObject').length) > 1) throw severalInOne(path);
  // Each object of a pipeline is a turn of its own.
  const written = files.get(call.host) ?? new Set();
  files.set(call.host, written);
  if (written.has(path)) throw severalInOne(path);
  if (!(await mayWrite(path, call, shell))) {
    await shell.writeObject('Re-run the script with a different Destination');
    await shell.writeObject('');
    return;
  }
  const [found] = await chooseItems(call, shell);
  if (!found) return;
  written.add(path);
  await saveOne(found, path, call, shell);
};

/** What one pipeline has written. */
const files = new WeakMap<CmdletHost, Set<string>>();

/** The page's checks, in its order, before anything is looked for. @returns false where a person keeps the file that is there */
async function mayWrite(path: string, call: Call, shell: Shell): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  if (!there) return true;
  if (there.isDirectory())
    throw new CmdletError({
      message: `Please provide file name with path.\n'${path}' is a folder: -Path saves into it, under a name that the image gives.`,
      id: 'DestinationIsFolder',
      category: 'InvalidArgument',
      target: call.text('Destination'),
      exceptionType: 'RuntimeException',
    });
  if ((there.mode & 0o222) === 0) throw readOnly(`Cannot over write read-only file: ${path}`, path);
  if (call.flag('Force') || call.flag('WhatIf')) return true;
  const answer = await shell.promptForChoice(
    'Overwrite File',
    `Do you want to overwrite the existing file: ${path} ?`,
    overwriteChoices,
    0,
  );
  return answer === 0;
}

const overwriteChoices = [
  { label: '&Yes', help: 'Overwrite the existing file.' },
  { label: '&No', help: 'Do not overwrite the existing file.' },
];

/** As the later provider saves: into a folder that is there, each image under a name of its own; what is there is left. */
async function saveInto(folder: string, call: Call, shell: Shell): Promise<void> {
  const there = await stat(folder).catch(() => undefined);
  if (!there && !call.flag('Force')) throw pathNotFound(folder, call.text('Path') ?? '');
  if (there && !there.isDirectory())
    throw new CmdletError({
      message: `'${folder}' is a file; -Path is a folder.`,
      id: 'PathNotFound',
      category: 'InvalidArgument',
      target: call.text('Path'),
      exceptionType: 'ArgumentException',
    });
  if (!there) await shell.writeVerbose(`Creating: ${folder} as it doesn't exist.`);
  await eachOf(await chooseItems(call, shell), (found) => saveAmong(found, folder, call, shell), shell, itemText);
}

async function saveAmong(found: FoundBaseImage, folder: string, call: Call, shell: Shell): Promise<void> {
  const path = join(folder, savedFileName(found));
  const file = await stat(path).catch(() => undefined);
  if (file && !call.flag('Force')) {
    await shell.writeVerbose(`${path} already exists. Skipping save. Use -Force to overwrite.`);
    return;
  }
  if (file && (file.mode & 0o222) === 0)
    throw readOnly(`Cannot remove read-only file ${path}. Remove read-only and use -Force again.`, path);
  await saveOne(found, path, call, shell);
}

async function saveOne(found: FoundBaseImage, path: string, call: Call, shell: Shell): Promise<void> {
  const { name, version } = found;
  if (!(await shell.shouldProcess(`'${name}' to location '${path}'`, 'Save Package'))) return;
  await shell.writeVerbose(`Saving to ${path}`);
  await shell.writeVerbose(`Downloading ${name}. Version: ${version}`);
  const started = performance.now();
  {
    using progress = new ProgressOf(shell, 'Downloading', `${name} ${version}`);
    // That it may be overwritten has been asked.
    await saveBaseImage(await call.host.whole(), found, path, { overwrite: true, signal: shell.signal, onProgress: progress.on });
  }
  await shell.writeVerbose(elapsed('Downloaded', performance.now() - started));
}

function readOnly(message: string, path: string): CmdletError {
  return new CmdletError({
    message,
    id: 'ReadOnlyFile',
    category: 'PermissionDenied',
    target: path,
    exceptionType: 'UnauthorizedAccessException',
  });
}

function severalInOne(path: string): CmdletError {
  return new CmdletError({
    message: `One file holds one image.\nName one image, or save several into a folder with -Path.`,
    id: 'SeveralImagesInOneFile',
    category: 'InvalidArgument',
    target: path,
    exceptionType: 'ArgumentException',
  });
}
