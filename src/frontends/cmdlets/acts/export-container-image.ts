import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeArchive } from '../../../content/write-archive.ts';
import { writeStreamAtomic } from '../../../io/atomic-file.ts';
import { fullName } from '../../../model/base-identity.ts';
import { canonical } from '../../../model/reference.ts';
import type { ContainerImage } from '../../../operations/container-images.ts';
import type { Act } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import { eachOf } from '../each-of.ts';
import { onePath, pathNotFound } from '../existing-paths.ts';
import { findImages } from '../find-image.ts';
import { imageObject, imageText } from '../image-object.ts';
import type { Shell } from '../shell.ts';

/**
 * One file for an image, `CN=Demo_DemoImage_1.0.0.0.appx`. It is named as the Containers module named it, whose packages nothing reads any more; what is in it is an OCI
 * archive, which docker, podman and skopeo load too.
 */
export const exportContainerImage: Act = async (call, shell) => {
  const host = { store: await call.host.store() };
  const typed = call.text('Path') ?? '';
  const folder = await onePath(shell, typed);
  await requireFolder(folder, typed);
  const exportOne = async (image: ContainerImage): Promise<void> => {
    if (image.isOsImage) throw isBase(image);
    const path = join(folder, fileName(image));
    if (!(await shell.shouldProcess(imageText(image), 'Export-ContainerImage'))) return;
    if (!call.flag('Force') && (await isThere(path))) throw exists(path, fileName(image));
    if (!image.record) return;
    const { target, names, size } = image.record;
    const archive = await writeArchive(host.store, [{ target, names: names.map(({ reference }) => canonical(reference)) }], {
      signal: shell.signal,
    });
    await writeStreamAtomic(path, counted(archive, shell, image.name, size), shell.signal);
    await shell.writeVerbose(`Exported to ${path}`);
    if (call.flag('Passthru')) await shell.writeObject(imageObject(image));
  };
  await eachOf(await findImages(host, call), exportOne, shell, imageObject);
};

/** A file's name on every system; a name of docker's may have slashes. */
function fileName(image: ContainerImage): string {
  return `${fullName(image).replaceAll(/[<>:"/\\|?*\u0000-\u001f]/g, '-')}.appx`;
}

async function requireFolder(folder: string, typed: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (!found) throw pathNotFound(folder, typed);
  throw new CmdletError({
    message: `'${folder}' is a file.\nGive the folder that the file is to be written into.`,
    id: 'PathNotFound',
    category: 'InvalidArgument',
    target: typed,
    exceptionType: 'ArgumentException',
  });
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function exists(path: string, target: string): CmdletError {
  return new CmdletError({
    message: `Package file '${path}' exists. Remove the file first or use -Force to overwrite.`,
    id: 'PackageFileExists',
    category: 'ResourceExists',
    target,
    exceptionType: 'IOException',
  });
}

function isBase(image: ContainerImage): CmdletError {
  return new CmdletError({
    message: `Failed to export container image '${image.name}': it is a base OS image.\nSave-ContainerImage saves it as a .wim file, and bay save as an archive.`,
    id: 'OSImageNotExported',
    category: 'InvalidOperation',
    target: imageObject(image),
    exceptionType: 'InvalidOperationException',
  });
}

async function* counted(source: AsyncIterable<Uint8Array>, shell: Shell, name: string, size: number): AsyncGenerator<Uint8Array> {
  const activity = 'Exporting container image';
  let written = 0;
  for await (const chunk of source) {
    written += chunk.length;
    shell.writeProgress({ id: 1, activity, status: name, percent: Math.min(100, (100 * written) / Math.max(1, size)) });
    yield chunk;
  }
  shell.writeProgress({ id: 1, activity, status: name, completed: true });
}
