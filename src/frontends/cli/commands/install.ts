/** `bay install`. */

import { resolve } from 'node:path';
import { ImageError } from '../../../errors.ts';
import { downloadFolder, configuredCompression } from '../../../io/home-folder.ts';
import { familiar, type Reference } from '../../../model/reference.ts';
import type { Identity } from '../../../model/identity.ts';
import type { WimLoss } from '../../../layers/wim-losses.ts';
import type { Descriptor } from '../../../model/descriptor.ts';
import { transferStatus } from '../../../operations/transfer-status.ts';
import type { Host } from '../../../operations/host.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { openCatalogHost } from '../open-catalog.ts';
import { ProgressRows } from '../progress.ts';
import type { Terminal } from '../terminal.ts';
import { wimFileFlags } from './wim-files.ts';

export const install = command({
  description:
    'Install a base OS image: from a source by its name, the newest version unless one is given, or from a .wim file. It is in `bay images` and `docker images` at once.',
  operands: { usage: 'NAME[:VERSION] | FILE.wim', min: 1, max: 1 },
  flags: {
    'accept-losses': { type: 'bool', help: 'Install though the image cannot hold all that is in the file' },
    index: { type: 'int', value: 'int', help: "Number of the file's image to install" },
    json: { type: 'bool', help: 'Print one JSON document' },
    name: { type: 'string', value: 'name', help: "Name of a file's image, in place of its own" },
    'plain-http': { type: 'bool', help: 'Speak plain http to registries' },
    publisher: { type: 'string', value: 'name', help: 'Publisher, where the file does not say it' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
    ref: wimFileFlags.ref,
    source: { type: 'list', value: 'name', help: 'Ask only this source; may be given again' },
    version: { type: 'string', value: 'version', help: 'Version to install; it may have wildcards' },
  },
  examples: [
    ['The newest version', 'bay install NanoServer'],
    ['One version', 'bay install NanoServer:10.0.10586.0'],
    ['From a file, without a network', 'bay install NanoServer.wim'],
    ['From a split WIM', 'bay install NanoServer.swm --ref NanoServer2.swm'],
  ],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const [name] = operands;
    await using store = await openStore(invocation);
    const { Containers } = await import('../../../containers/containers.ts');
    const host = { store, containers: new Containers(store, { compression: configuredCompression(terminal.env) }) };
    const show = flags.quiet || flags.json ? undefined : terminal;
    if (isFile(name)) {
      if (/\.tar(?:\.\w+)?$/i.test(name))
        throw new ImageError('invalid-argument', `${name} is an archive of images, not a .wim file`, {
          hint: `Load it with: bay load -i ${name}`,
        });
      const installed = await installFile(host, resolve(terminal.cwd, name), flags, show, terminal);
      return report(installed, flags, terminal);
    }
    if (flags.index !== undefined || flags.name !== undefined || flags.ref.length > 0)
      throw new ImageError('invalid-argument', '--index, --name and --ref are for .wim files');
    const [, own = name, tag] = /^([^:]*):(.+)$/.exec(name) ?? [];
    if (tag !== undefined && flags.version !== undefined)
      throw new ImageError('invalid-argument', `${name} has a version, and --version is another`);
    await using catalog = await openCatalogHost(invocation, { plainHttp: flags.plainHttp });
    const { findOneBaseImage } = await import('../../../operations/find-base.ts');
    const { installBaseImage } = await import('../../../operations/install-base.ts');
    const found = await findOneBaseImage(
      catalog,
      { names: [own], version: tag ?? flags.version, sources: flags.source },
      { signal: terminal.signal, describe: false, onWarning: (text) => void terminal.stderr.write(`WARNING: ${text}\n`) },
    );
    using rows = show && new ProgressRows(show);
    rows?.line(`${found.version}: Installing ${found.name} from ${found.source}`);
    const installed = await installBaseImage({ ...host, remote: catalog.remote }, found, {
      downloads: downloadFolder(terminal.env),
      publisher: flags.publisher,
      accept: flags.acceptLosses,
      signal: terminal.signal,
      onProgress: (event) => {
        if (rows) for (const status of transferStatus(event, 'pull')) rows.row(status);
      },
      onExpanding: rows && expanding(rows, found.name),
    });
    return report(installed, flags, terminal);
  },
});

/** A path, rather than the name of an image. */
function isFile(text: string): boolean {
  return /\.(?:wim|esd|swm|tar)$/i.test(text) || /[\\/]/.test(text);
}

interface Installed extends Identity {
  readonly reference: Reference;
  readonly root: Descriptor;
  readonly changed: boolean;
  readonly losses: readonly WimLoss[];
  readonly warnings: readonly string[];
}

async function installFile(
  host: Pick<Host, 'store' | 'containers'>,
  path: string,
  flags: {
    readonly ref: readonly string[];
    readonly index: number | undefined;
    readonly name: string | undefined;
    readonly version: string | undefined;
    readonly publisher: string | undefined;
    readonly acceptLosses: boolean;
  },
  show: Terminal | undefined,
  { cwd, signal }: Terminal,
): Promise<Installed> {
  const { Wim } = await import('../../../formats/wim/wim.ts');
  const { installWim } = await import('../../../operations/install-wim.ts');
  using rows = show && new ProgressRows(show);
  rows?.line(`Installing ${path}`);
  const others = flags.ref.map((other) => resolve(cwd, other));
  const [parts, base] = others.length === 0 ? [[], []] : Wim.sort(path, others);
  return await installWim(host, [path, ...parts], {
    base,
    index: flags.index,
    name: flags.name,
    version: flags.version,
    publisher: flags.publisher,
    accept: flags.acceptLosses,
    signal,
    onExpanding: rows && expanding(rows, 'Expanding'),
  });
}

function expanding(rows: ProgressRows, id: string): (progress: { readonly done: number; readonly total: number }) => void {
  return ({ done, total }) => rows.row({ id, status: 'Expanding', current: done, total });
}

function report(
  { name, publisher, version, reference, root, changed, losses, warnings }: Installed,
  { quiet, json }: { readonly quiet: boolean; readonly json: boolean },
  terminal: Terminal,
): void {
  for (const warning of warnings) terminal.stderr.write(`WARNING: ${warning}\n`);
  for (const { text, examples } of losses) terminal.stderr.write(`Note: ${text} (${examples.join(', ')})\n`);
  if (json) terminal.print(`${JSON.stringify({ name, publisher, version, reference: familiar(reference), id: root.digest, changed })}\n`);
  else if (quiet) terminal.print(`${familiar(reference)}\n`);
  else
    terminal.print(
      `Digest: ${root.digest}\nStatus: ${changed ? 'Installed' : 'Image is up to date for'} ${name} ${version}${changed ? ' as' : ':'} ${familiar(reference)}\n`,
    );
}
