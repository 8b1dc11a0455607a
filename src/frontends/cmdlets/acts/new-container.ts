import { Image } from '../../../content/image.ts';
import { isImageError } from '../../../errors.ts';
import { createContainer } from '../../../operations/create-container.ts';
import { containerImages, type ContainerImage } from '../../../operations/container-images.ts';
import type { Host } from '../../../operations/host.ts';
import type { Act, Call } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import { findImage, only } from '../find-image.ts';
import { imageText } from '../image-object.ts';
import { ProgressOf } from '../progress-of.ts';
import { writeContainers } from '../write-containers.ts';

export const newContainer: Act = async (call, shell) => {
  const host = { store: await call.host.store(), containers: await call.host.containers(), now: () => shell.now() };
  const image = await imageOf(host, call);
  const name = call.text('Name');
  if (!(await shell.shouldProcess(name ?? imageText(image), 'New-Container'))) return;
  if (call.has('Path'))
    await shell.writeWarning(
      `-Path is not used: the files of a container are kept with the images, in ${host.store.path}. Move-ContainerImageRepository moves both.`,
    );
  using progress = new ProgressOf(shell, 'Creating container', name ?? image.name);
  const computer = call.text('ContainerComputerName');
  const network = call.text('NetworkName');
  const memory = call.number('MaximumMemoryBytes') ?? call.number('MemoryStartupBytes');
  const document = {
    Image: image.references[0] ?? image.digest,
    ...(computer === undefined ? {} : { Hostname: computer }),
    // An image that names no program has none to start; the container is there all the same, as the page's are before they are started.
    ...((await hasCommand(host, image)) ? {} : { Cmd: [image.platform?.platform?.os === 'windows' ? 'cmd' : 'sh'] }),
    HostConfig: {
      ...(memory === undefined ? {} : { Memory: memory }),
      ...(network === undefined ? {} : { NetworkMode: network }),
      ...(call.text('RuntimeType') === 'HyperV' ? { Isolation: 'hyperv' } : {}),
    },
  };
  const { Id: id, Warnings: warnings } = await createContainer(host, document, {
    name,
    platform: image.platform?.platform,
    signal: shell.signal,
    onProgress: progress.on,
  }).catch((error: unknown) => {
    throw isImageError(error, 'conflict') && error.detail['container'] !== undefined ? containerExists(name ?? '') : error;
  });
  for (const warning of warnings) await shell.writeWarning(warning);
  await writeContainers(host, [await host.containers.get(id)], shell);
};

function containerExists(name: string): CmdletError {
  return new CmdletError({
    message: `Failed to create container.\nFailed to create container '${name}': a container of that name exists already.\nGive another -Name, or remove that one first: Remove-Container -Name '${name}'`,
    id: 'ContainerExists',
    category: 'ResourceExists',
    target: name,
    exceptionType: 'InvalidOperationException',
  });
}

async function hasCommand(host: Pick<Host, 'store'>, { platform }: ContainerImage): Promise<boolean> {
  if (!platform) return true;
  const { Cmd, Entrypoint } = (await Image.open(host.store, platform.manifest)).config?.config ?? {};
  return (Cmd ?? []).length + (Entrypoint ?? []).length > 0;
}

async function imageOf(host: Pick<Host, 'store'>, call: Call): Promise<ContainerImage> {
  const [image] = call.values('ContainerImage');
  if (image !== undefined) return findImage(host, image);
  const name = call.text('ContainerImageName') ?? '';
  const query = { name, publisher: call.text('ContainerImagePublisher'), version: call.text('ContainerImageVersion') };
  const found = await containerImages(host, query);
  if (found.length === 0 && query.publisher === undefined && query.version === undefined) return findImage(host, name);
  const what = imageText({ name, publisher: query.publisher ?? '*', version: query.version ?? '*' });
  return only(
    found,
    what,
    'Say which with -ContainerImagePublisher and -ContainerImageVersion, or pipe the image of Get-ContainerImage here.',
  );
}
