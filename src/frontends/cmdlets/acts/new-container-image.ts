import { fullName, normalizePublisher, publisherSourceKey } from '../../../model/base-identity.ts';
import { readBaseVersion } from '../../../model/base-version.ts';
import { baseImageName } from '../../../operations/base-image-name.ts';
import { commit } from '../../../operations/commit.ts';
import { containerImages } from '../../../operations/container-images.ts';
import type { Act } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import { findContainer } from '../find-container.ts';
import { imageObject, imageText } from '../image-object.ts';

export const newContainerImage: Act = async (call, shell) => {
  const host = { store: await call.host.store(), containers: await call.host.containers(), now: () => shell.now() };
  const { record } = await findContainer(host, call);
  const identity = {
    name: call.text('Name') ?? '',
    publisher: normalizePublisher(call.text('Publisher') ?? ''),
    version: readBaseVersion(call.text('Version') ?? '') ?? '',
  };
  const [same] = await containerImages(host, { ...identity, name: escaped(identity.name), publisher: escaped(identity.publisher) });
  if (same)
    throw new CmdletError({
      message: `Failed to create container image.\nFailed to create container image '${identity.name}': ${imageText(same)} exists already.\nGive another -Version, or remove that one first.`,
      id: 'ImageExists',
      category: 'ResourceExists',
      target: imageObject(same),
      exceptionType: 'InvalidOperationException',
    });
  if (!(await shell.shouldProcess(fullName(identity), 'New-ContainerImage'))) return;
  const said = {
    'org.opencontainers.image.title': identity.name,
    'org.opencontainers.image.vendor': identity.publisher,
    'org.opencontainers.image.version': identity.version,
  };
  const made = await commit(host, record.id, {
    reference: await baseImageName(host, identity),
    config: { Labels: said },
    annotations: {
      ...said,
      [publisherSourceKey]: 'parameter',
      // On another host nobody has recorded what it was made from.
      'org.opencontainers.image.base.digest': record.manifest.digest,
    },
    signal: shell.signal,
  });
  for (const image of await containerImages(host, { digest: made.digest })) await shell.writeObject(imageObject(image));
};

/** A name that is to be created is no pattern. */
function escaped(text: string): string {
  return text.replaceAll(/[*?[\]`]/g, '`$&');
}
