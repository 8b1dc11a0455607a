/**
 * The table of commands: names, one sentence each, and where each one's file is. Importing it loads no command, so a start
 * loads only the file of the command that is run. How to add a command: write `commands/NAME.ts` with `command({…})`, add a
 * row here; help, usage errors and completion follow.
 */

import type { Command } from './grammar.ts';

export interface CommandEntry {
  /** All names of the command. In a group's help the first name in that group stands, in the list of commands the single word. */
  readonly names: readonly string[];
  readonly summary: string;
  /** `common` commands come first in `bay --help`, in the order of this table. */
  readonly section?: 'common';
  /** Not shown in help and not completed. */
  readonly hidden?: boolean;
  load(): Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    names: ['pull', 'image pull'],
    summary: 'Download an image from a registry',
    section: 'common',
    load: async () => (await import('./commands/pull.ts')).pull,
  },
  {
    names: ['push', 'image push'],
    summary: 'Upload an image to a registry',
    section: 'common',
    load: async () => (await import('./commands/push.ts')).push,
  },
  {
    names: ['images', 'image ls', 'image list'],
    summary: 'List images',
    section: 'common',
    load: async () => (await import('./commands/images.ts')).images,
  },
  {
    names: ['copy'],
    summary: 'Copy an image between any two places',
    section: 'common',
    load: async () => (await import('./commands/copy.ts')).copy,
  },
  {
    names: ['search'],
    summary: 'Search a registry for images',
    section: 'common',
    load: async () => (await import('./commands/search.ts')).search,
  },
  {
    names: ['serve'],
    summary: 'Open the registry over the store',
    section: 'common',
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  {
    names: ['login'],
    summary: 'Authenticate to a registry',
    section: 'common',
    load: async () => (await import('./commands/login.ts')).login,
  },
  {
    names: ['logout'],
    summary: 'Log out from a registry',
    section: 'common',
    load: async () => (await import('./commands/logout.ts')).logout,
  },
  {
    names: ['version'],
    summary: 'Show the Bayplan version information',
    section: 'common',
    load: async () => (await import('./commands/version.ts')).version,
  },
  {
    names: ['info', 'system info'],
    summary: 'Display system-wide information',
    section: 'common',
    load: async () => (await import('./commands/info.ts')).info,
  },
  {
    names: ['create', 'container create'],
    summary: 'Create a new container',
    load: async () => (await import('./commands/create.ts')).create,
  },
  {
    names: ['commit', 'container commit'],
    summary: "Create a new image from a container's changes",
    load: async () => (await import('./commands/commit.ts')).commit,
  },
  {
    names: ['cp', 'container cp'],
    summary: 'Copy files/folders between a container and the local filesystem',
    load: async () => (await import('./commands/cp.ts')).cp,
  },
  {
    names: ['diff', 'container diff'],
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  {
    names: ['export', 'container export'],
    summary: "Export a container's filesystem as a tar archive",
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  {
    names: ['ps', 'container ls', 'container list', 'container ps'],
    summary: 'List containers',
    section: 'common',
    load: async () => (await import('./commands/ps.ts')).ps,
  },
  {
    names: ['rename', 'container rename'],
    summary: 'Rename a container',
    load: async () => (await import('./commands/rename.ts')).rename,
  },
  {
    names: ['update', 'container update'],
    summary: 'Update configuration of one or more containers',
    load: async () => (await import('./commands/update.ts')).update,
  },
  {
    names: ['container prune'],
    summary: 'Remove all stopped containers',
    load: async () => (await import('./commands/container-prune.ts')).containerPrune,
  },
  { names: ['volume create'], summary: 'Create a volume', load: async () => (await import('./commands/volume.ts')).volumeCreate },
  { names: ['volume ls', 'volume list'], summary: 'List volumes', load: async () => (await import('./commands/volume.ts')).volumeList },
  { names: ['volume prune'], summary: 'Remove unused local volumes', load: async () => (await import('./commands/volume.ts')).volumePrune },
  {
    names: ['volume rm', 'volume remove'],
    summary: 'Remove one or more volumes',
    load: async () => (await import('./commands/volume.ts')).volumeRemove,
  },
  {
    names: ['volume update'],
    summary: 'Update a volume (cluster volumes only)',
    load: async () => (await import('./commands/volume.ts')).volumeUpdate,
  },
  {
    names: ['network ls', 'network list'],
    summary: 'List networks',
    load: async () => (await import('./commands/network.ts')).networkList,
  },
  {
    names: ['network prune'],
    summary: 'Remove all unused networks',
    load: async () => (await import('./commands/network.ts')).networkPrune,
  },
  {
    names: ['network rm', 'network remove'],
    summary: 'Remove one or more networks',
    load: async () => (await import('./commands/network.ts')).networkRemove,
  },
  {
    names: ['rm', 'container rm', 'container remove'],
    summary: 'Remove one or more containers',
    load: async () => (await import('./commands/rm.ts')).rm,
  },
  {
    names: ['catalog build'],
    summary: 'Write the catalogue of a folder of base OS images',
    load: async () => (await import('./commands/catalog-build.ts')).catalogBuild,
  },
  { names: ['catalog'], summary: 'List the repositories of a registry', load: async () => (await import('./commands/catalog.ts')).catalog },
  {
    names: ['events', 'system events'],
    summary: 'Get real time events from the store',
    load: async () => (await import('./commands/events.ts')).events,
  },
  {
    names: ['find'],
    summary: 'Find base OS images where they are published',
    load: async () => (await import('./commands/find.ts')).find,
  },
  {
    names: ['history', 'image history'],
    summary: 'Show the history of an image',
    load: async () => (await import('./commands/history.ts')).history,
  },
  { names: ['image prune'], summary: 'Remove unused images', load: async () => (await import('./commands/prune.ts')).prune },
  {
    names: ['import', 'image import'],
    summary: 'Import the contents from a tarball to create a filesystem image',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  {
    names: ['install'],
    summary: 'Install a base OS image, from a source or a .wim file',
    load: async () => (await import('./commands/install.ts')).install,
  },
  {
    names: ['uninstall'],
    summary: 'Remove one or more base OS images',
    load: async () => (await import('./commands/uninstall.ts')).uninstall,
  },
  {
    names: ['inspect'],
    summary: 'Show everything about containers, images, networks or volumes',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    names: ['container inspect'],
    summary: 'Show everything about one or more containers',
    load: async () => (await import('./commands/inspect.ts')).containerInspect,
  },
  {
    names: ['image inspect'],
    summary: 'Show everything about one or more images',
    load: async () => (await import('./commands/inspect.ts')).imageInspect,
  },
  {
    names: ['network inspect'],
    summary: 'Show everything about one or more networks',
    load: async () => (await import('./commands/inspect.ts')).networkInspect,
  },
  {
    names: ['volume inspect'],
    summary: 'Show everything about one or more volumes',
    load: async () => (await import('./commands/inspect.ts')).volumeInspect,
  },
  {
    names: ['load', 'image load'],
    summary: 'Load images from a tar archive or STDIN',
    load: async () => (await import('./commands/load.ts')).load,
  },
  {
    names: ['manifest inspect'],
    summary: 'Display an image manifest, or manifest list',
    load: async () => (await import('./commands/manifest-inspect.ts')).manifestInspect,
  },
  {
    names: ['rmi', 'image rm', 'image remove'],
    summary: 'Remove one or more images',
    load: async () => (await import('./commands/rmi.ts')).rmi,
  },
  {
    names: ['save', 'image save'],
    summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
    load: async () => (await import('./commands/save.ts')).save,
  },
  { names: ['source add'], summary: 'Make a source known', load: async () => (await import('./commands/source.ts')).sourceAdd },
  { names: ['source ls', 'source list'], summary: 'List sources', load: async () => (await import('./commands/source.ts')).sourceList },
  {
    names: ['source rm', 'source remove'],
    summary: 'Forget one or more sources',
    load: async () => (await import('./commands/source.ts')).sourceRemove,
  },
  { names: ['source set'], summary: 'Change a source', load: async () => (await import('./commands/source.ts')).sourceSet },
  {
    names: ['store move'],
    summary: 'Move the store to another folder or disk',
    load: async () => (await import('./commands/store-move.ts')).storeMove,
  },
  {
    names: ['system prune'],
    summary: 'Remove unused data',
    load: async () => (await import('./commands/system-prune.ts')).systemPrune,
  },
  { names: ['system df'], summary: 'Show disk usage', load: async () => (await import('./commands/df.ts')).df },
  {
    names: ['tag', 'image tag'],
    summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
    load: async () => (await import('./commands/tag.ts')).tag,
  },
  {
    names: ['tags'],
    summary: 'List the tags of a repository in its registry',
    load: async () => (await import('./commands/tags.ts')).tags,
  },
  {
    names: ['tree', 'image tree'],
    summary: 'Show which image was made from which',
    load: async () => (await import('./commands/tree.ts')).tree,
  },
  {
    names: ['why', 'image why'],
    summary: 'Show what needs an image',
    load: async () => (await import('./commands/why.ts')).why,
  },
  {
    names: ['completion'],
    summary: 'Generate the autocompletion script for the specified shell',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    names: ['wim cat'],
    summary: 'Write the content of files in a WIM file',
    load: async () => (await import('./commands/wim-cat.ts')).wimCat,
  },
  {
    names: ['wim create'],
    summary: 'Write a folder to a WIM file',
    load: async () => (await import('./commands/wim-create.ts')).wimCreate,
  },
  {
    names: ['wim extract'],
    summary: 'Write the files of a WIM file to a folder',
    load: async () => (await import('./commands/wim-extract.ts')).wimExtract,
  },
  {
    names: ['wim info'],
    summary: 'Show which images a WIM file holds',
    load: async () => (await import('./commands/wim-info.ts')).wimInfo,
  },
  {
    names: ['wim ls', 'wim list'],
    summary: 'List the files in a WIM file',
    load: async () => (await import('./commands/wim-ls.ts')).wimLs,
  },
  { names: ['wim verify'], summary: 'Check all of a WIM file', load: async () => (await import('./commands/wim-verify.ts')).wimVerify },
  { names: ['help'], summary: 'Help about any command', load: async () => (await import('./commands/help.ts')).help },
  {
    names: ['__complete'],
    summary: 'Offer completions',
    hidden: true,
    load: async () => (await import('./commands/completion.ts')).complete,
  },
];

/** Words that stand before a command, and what the commands after them are about. */
export const groups: Readonly<Record<string, string>> = {
  container: 'Manage containers',
  image: 'Manage images',
  manifest: 'Manage image manifests and manifest lists',
  network: 'Manage networks',
  source: 'Manage the sources of base OS images',
  store: 'Manage the store',
  system: 'Manage Bayplan',
  volume: 'Manage volumes',
  wim: 'Manage WIM files',
};
