import { downloadFolder } from '../../../io/home-folder.ts';
import { normalizePublisher } from '../../../model/base-identity.ts';
import { containerImages } from '../../../operations/container-images.ts';
import type { FoundBaseImage } from '../../../operations/find-base.ts';
import { installBaseImage, type InstalledBase } from '../../../operations/install-base.ts';
import { acceptLosses, warnOf } from '../accept-losses.ts';
import type { Act, Call } from '../call.ts';
import { eachOf } from '../each-of.ts';
import { elapsed } from '../elapsed.ts';
import { Expanding } from '../expanding.ts';
import { chooseItems, itemText } from '../find-items.ts';
import { ProgressOf } from '../progress-of.ts';
import type { Shell } from '../shell.ts';

export const installContainerImage: Act = async (call, shell) => {
  await eachOf(await chooseItems(call, shell), (found) => installOne(found, call, shell), shell, itemText);
};

async function installOne(found: FoundBaseImage, call: Call, shell: Shell): Promise<void> {
  const { name, version, source } = found;
  if (!call.flag('Force') && (await isInstalled(found, call))) {
    await shell.writeWarning(`${name} ${version} is installed already. Use -Force to download it again.`);
    return;
  }
  if (!(await shell.shouldProcess(`Package '${name}' version '${version}' from '${source}'.`, 'Install Package'))) return;
  await shell.writeVerbose(`Downloading ${name}. Version: ${version}`);
  const installed = await install(found, call, shell);
  await shell.writeObject(elapsed('Downloaded', installed.downloaded));
  await warnOf(installed, shell);
}

/** A base image is what it was published as: its version does not change in place. */
async function isInstalled({ name, version, publisher }: FoundBaseImage, call: Call): Promise<boolean> {
  const images = await containerImages({ store: await call.host.store() }, { version });
  const own = normalizePublisher(publisher);
  return images.some((image) => image.isOsImage && image.publisher === own && image.name.toLowerCase() === name.toLowerCase());
}

async function install(found: FoundBaseImage, call: Call, shell: Shell): Promise<InstalledBase> {
  using progress = new ProgressOf(shell, 'Downloading', `${found.name} ${found.version}`);
  using expanding = new Expanding(shell, found.name);
  return await installBaseImage(await call.host.whole(), found, {
    downloads: downloadFolder(shell.env),
    accept: acceptLosses(call, shell),
    signal: shell.signal,
    onProgress: progress.on,
    onExpanding: expanding.on,
  });
}
