/** The public library, by name. test/surface.test.ts holds the list: what is not there is not promised. */
export { ImageError, isImageError, type ErrorCode } from './errors.ts';
export { type Operation, type Progress } from './io/operation.ts';

export { digestOf, parseDigest, type Digest } from './model/digest.ts';
export { type Descriptor } from './model/descriptor.ts';
export { canonical, familiar, parseReference, withDefaultTag, type Reference } from './model/reference.ts';
export { formatPlatform, hostPlatform, parsePlatform, type Platform } from './model/platform.ts';
export { parseManifest, type Index, type Manifest } from './model/manifest.ts';
export { parseConfig, type ImageConfig } from './model/config.ts';
export { mediaTypes } from './model/media-types.ts';

export { copy, type CopyOptions } from './content/copy.ts';
export { successors } from './content/successors.ts';
export { selectPlatform, type Selection } from './content/select-platform.ts';
export { Image, type Layer } from './content/image.ts';
export { validate } from './content/validate.ts';
export { type ImageSource, type OpenOptions } from './content/image-source.ts';
export { type ImageSink, type WriteOptions } from './content/image-sink.ts';
export { type Page, type Repository, type Upload } from './content/repository.ts';
export { OciFolder } from './content/oci-folder.ts';
export { Directory } from './content/directory.ts';
export { openArchive } from './content/open-archive.ts';
export { type Archive } from './content/archive.ts';
export { writeArchive } from './content/write-archive.ts';

export { ImageStore } from './store/image-store.ts';
export { type Ingest } from './store/ingest.ts';
export { type FoundImage, type ImageName, type ImageRecord, type PlatformRecord } from './store/image-record.ts';
export { remote } from './remote/remote.ts';
export { openRegistries, type Registries } from './remote/registries.ts';
export { type Credentials, type RegistryOptions } from './remote/registry-options.ts';

export { type Host } from './operations/host.ts';
export { pull, type Pulled, type PullOptions } from './operations/pull.ts';
export { push, type Pushed, type PushOptions } from './operations/push.ts';
export { save, type SaveOptions } from './operations/save.ts';
export { load, type Loaded, type LoadOptions } from './operations/load.ts';
export { installWim, type InstalledWim, type InstallWimOptions } from './operations/install-wim.ts';
export { saveWim, type SavedWim, type SaveWimOptions } from './operations/save-wim.ts';
export { Catalog } from './catalog/catalog.ts';
export { type CatalogSource } from './catalog/catalog-source.ts';
export { findBaseImages, type CatalogOptions, type CatalogQuery, type FoundBaseImage } from './operations/find-base.ts';
export { installBaseImage, type InstallBaseOptions, type InstalledBase } from './operations/install-base.ts';
export { saveBaseImage, type SaveBaseOptions } from './operations/save-base.ts';
export { uninstallBaseImage } from './operations/uninstall-base.ts';
export { type WimLoss } from './layers/wim-losses.ts';

export { Containers } from './containers/containers.ts';
export { createContainer, type CreateContainerOptions, type CreatedContainer } from './operations/create-container.ts';
export { copyIntoContainer, type CopyIntoContainerOptions } from './operations/copy-into-container.ts';
export { copyFromContainer } from './operations/copy-from-container.ts';
export { containerChanges, type ContainerChangeRow } from './operations/container-changes.ts';
export { commit, type CommitOptions } from './operations/commit.ts';
export { removeContainer, type RemoveContainerOptions } from './operations/remove-container.ts';
