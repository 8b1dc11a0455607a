/** `bay pull` and `bay image pull`. */

import { ImageError } from '../../../errors.ts';
import { canonical, familiar, parseReference, repositoryName, withDefaultTag, type Reference } from '../../../model/reference.ts';
import { pull as pullImage, type PullOptions } from '../../../operations/pull.ts';
import type { Host } from '../../../operations/host.ts';
import { command } from '../grammar.ts';
import { openHost } from '../host.ts';
import { showPull } from '../show-pull.ts';
import type { Terminal } from '../terminal.ts';
import { platformFlag } from '../platform-flag.ts';

export const pull = command({
  description:
    'Download an image from its registry. Layers stay packed; what was downloaded before an interruption is not downloaded again.',
  operands: { usage: 'NAME[:TAG|@DIGEST]', min: 1, max: 1 },
  flags: {
    'all-platforms': { type: 'bool', help: 'Keep every platform of a multi-platform image' },
    'all-tags': { type: 'bool', short: 'a', help: 'Download all tagged images in the repository' },
    'disable-content-trust': { type: 'bool', default: true, help: 'Skip image verification', hidden: true },
    json: { type: 'bool', help: 'Print one JSON document for each image' },
    'plain-http': { type: 'bool', help: 'Speak plain http to the registry' },
    platform: { type: 'string', value: 'string', help: 'Set platform if server is multi-platform\ncapable' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
    referrers: { type: 'bool', help: 'Also what refers to the image: signatures, SBOMs' },
  },
  examples: [
    ['For this machine', 'bay pull debian:12'],
    ['A Windows image, on any machine', 'bay pull --platform windows/amd64 mcr.microsoft.com/windows/nanoserver:ltsc2022'],
    ['A registry without TLS', 'bay pull --plain-http registry.lan:5000/app'],
  ],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const given = parseReference(operands[0]);
    const quiet = flags.quiet || flags.json;
    if (flags.allTags && (given.tag !== undefined || given.digest !== undefined))
      throw new ImageError('invalid-argument', "tag can't be used with --all-tags/-a");
    if (!flags.allTags && given.tag === undefined && given.digest === undefined && !quiet) terminal.print('Using default tag: latest\n');
    if (given.registry === 'docker.io' && given.repository === 'library/scratch')
      throw new ImageError('denied', "'scratch' is a reserved name");
    await using host = await openHost(invocation, { plainHttp: flags.plainHttp });
    const references = flags.allTags
      ? (await host.remote(given).tags({}, { signal: terminal.signal })).map((tag) => ({ ...given, tag }))
      : [withDefaultTag(given)];
    const options = {
      signal: terminal.signal,
      platform: platformFlag(flags.platform),
      allPlatforms: flags.allPlatforms,
      referrers: flags.referrers,
    };
    for (const reference of references) await pullOne(host, reference, options, terminal, flags);
    if (!flags.json) terminal.print(`${flags.allTags ? repositoryName(given) : canonical(withDefaultTag(given))}\n`);
  },
});

async function pullOne(
  host: Pick<Host, 'store' | 'remote'>,
  reference: Reference,
  options: PullOptions,
  terminal: Terminal,
  { quiet, json }: { quiet: boolean; json: boolean },
): Promise<void> {
  if (quiet || json) {
    const { root, origin, changed } = await pullImage(host, reference, options);
    if (json) terminal.print(`${JSON.stringify({ name: familiar(reference), id: root.digest, digest: origin.digest, changed })}\n`);
    return;
  }
  await showPull(host, reference, options, terminal);
}
