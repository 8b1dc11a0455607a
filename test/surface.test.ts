import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

/** What `import … from 'bayplan'` promises. A name is added here on purpose, and taken away only with a new major version. */
const values = [
  'Catalog',
  'Containers',
  'Directory',
  'Image',
  'ImageError',
  'ImageStore',
  'OciFolder',
  'canonical',
  'commit',
  'containerChanges',
  'copy',
  'copyFromContainer',
  'copyIntoContainer',
  'createContainer',
  'digestOf',
  'familiar',
  'findBaseImages',
  'formatPlatform',
  'hostPlatform',
  'installBaseImage',
  'installWim',
  'isImageError',
  'load',
  'mediaTypes',
  'openArchive',
  'openRegistries',
  'parseConfig',
  'parseDigest',
  'parseManifest',
  'parsePlatform',
  'parseReference',
  'pull',
  'push',
  'remote',
  'removeContainer',
  'save',
  'saveBaseImage',
  'saveWim',
  'selectPlatform',
  'successors',
  'uninstallBaseImage',
  'validate',
  'withDefaultTag',
  'writeArchive',
];
const types = [
  'Archive',
  'CatalogOptions',
  'CatalogQuery',
  'CatalogSource',
  'CommitOptions',
  'ContainerChangeRow',
  'CopyIntoContainerOptions',
  'CopyOptions',
  'CreateContainerOptions',
  'CreatedContainer',
  'Credentials',
  'Descriptor',
  'Digest',
  'ErrorCode',
  'FoundBaseImage',
  'FoundImage',
  'Host',
  'ImageConfig',
  'ImageName',
  'ImageRecord',
  'ImageSink',
  'ImageSource',
  'Index',
  'Ingest',
  'InstallBaseOptions',
  'InstallWimOptions',
  'InstalledBase',
  'InstalledWim',
  'Layer',
  'LoadOptions',
  'Loaded',
  'Manifest',
  'OpenOptions',
  'Operation',
  'Page',
  'Platform',
  'PlatformRecord',
  'Progress',
  'PullOptions',
  'Pulled',
  'PushOptions',
  'Pushed',
  'Reference',
  'Registries',
  'RegistryOptions',
  'RemoveContainerOptions',
  'Repository',
  'SaveBaseOptions',
  'SaveOptions',
  'SaveWimOptions',
  'SavedWim',
  'Selection',
  'Upload',
  'WimLoss',
  'WriteOptions',
];

const root = join(import.meta.dirname, '..');

test('the library exports exactly the names it promises', () => {
  const text = readFileSync(join(root, 'src', 'index.ts'), 'utf8');
  assert.doesNotMatch(text, /export\s*\*/, 'the surface is named, so that nothing joins it by accident');
  const lists = [...text.matchAll(/^export (type )?\{([^}]*)\} from/gm)];
  const names = lists.flatMap(([, all, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => ({ type: all !== undefined || name.startsWith('type '), name: name.replace(/^type /, '').replace(/^.* as /, '') })),
  );
  const named = (type: boolean): string[] => names.filter((each) => each.type === type).map(({ name }) => name);
  assert.deepEqual(named(false).toSorted(), values.toSorted());
  assert.deepEqual(named(true).toSorted(), types.toSorted());
});

test('the published library has these values', async () => {
  const library: object = await import(pathToFileURL(join(root, 'dist', 'index.js')).href);
  assert.deepEqual(Object.keys(library).toSorted(), values.toSorted());
});
