/** `bay push` and `bay image push`. */

import { ImageError } from '../../../errors.ts';
import { familiar, identifier, parseReference, repositoryName, withDefaultTag, type Reference } from '../../../model/reference.ts';
import type { Host } from '../../../operations/host.ts';
import { localTags, push as pushImage, type PushOptions } from '../../../operations/push.ts';
import { transferStatus } from '../../../operations/transfer-status.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openHost } from '../host.ts';
import { ProgressRows } from '../progress.ts';
import type { Terminal } from '../terminal.ts';
import { platformFlag } from '../platform-flag.ts';

export const push = command({
  description: 'Upload an image to the registry that its name begins with. What the registry has is not sent again.',
  operands: { usage: 'NAME[:TAG]', min: 1, max: 1 },
  flags: {
    'all-tags': { type: 'bool', short: 'a', help: 'Push all tags of an image to the repository' },
    'disable-content-trust': { type: 'bool', default: true, help: 'Skip image signing', hidden: true },
    json: { type: 'bool', help: 'Print one JSON document for each image' },
    'plain-http': { type: 'bool', help: 'Speak plain http to the registry' },
    platform: { type: 'string', value: 'string', help: 'Push a platform-specific manifest as a\nsingle-platform image to the registry.' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
    referrers: { type: 'bool', help: 'Also what refers to the image: signatures, SBOMs' },
  },
  examples: [['To a registry of your own', 'bay tag debian:12 localhost:5080/base:1 && bay push localhost:5080/base:1']],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const given = parseReference(operands[0]);
    if (flags.allTags && given.tag !== undefined) throw new ImageError('invalid-argument', "tag can't be used with --all-tags/-a");
    if (!flags.allTags && given.tag === undefined && given.digest === undefined && !flags.quiet && !flags.json)
      terminal.print('Using default tag: latest\n');
    await using host = await openHost(invocation, { plainHttp: flags.plainHttp });
    const references = flags.allTags ? await localTags(host, given) : [withDefaultTag(given)];
    if (!flags.quiet && !flags.json) terminal.print(`The push refers to repository [${repositoryName(given)}]\n`);
    const platform = platformFlag(flags.platform, `Invalid platform ${flags.platform}`);
    for (const reference of references)
      await pushOne(host, reference, { signal: terminal.signal, platform, referrers: flags.referrers }, terminal, flags);
    if (flags.quiet && !flags.json)
      for (const reference of references) terminal.print(`${repositoryName(reference)}:${reference.tag ?? ''}\n`);
  },
});

async function pushOne(
  host: Pick<Host, 'store' | 'remote'>,
  reference: Reference,
  options: PushOptions,
  terminal: Terminal,
  { quiet, json }: { quiet: boolean; json: boolean },
): Promise<void> {
  using rows = new ProgressRows(terminal);
  const { root, origin } = await pushImage(host, reference, {
    ...options,
    onProgress: (event) => {
      if (!quiet && !json) for (const status of transferStatus(event, 'push')) rows.row(status);
    },
  });
  if (json) terminal.print(`${JSON.stringify({ name: familiar(reference), digest: root.digest, size: root.size })}\n`);
  else if (!quiet) rows.line(`${identifier(reference)}: digest: ${root.digest} size: ${root.size}`);
  if (origin && !json)
    terminal.stderr.write(`Note: of the index ${origin.digest} only this platform is here; it was pushed as a single-platform image.\n`);
}
