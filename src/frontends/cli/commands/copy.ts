/** `bay copy`. */

import { pipeline } from 'node:stream/promises';
import { ImageError } from '../../../errors.ts';
import { digestAlgorithm } from '../../../model/digest.ts';
import { copyBetween } from '../../../operations/copy-between.ts';
import { formatPlace, parsePlace } from '../../../operations/places.ts';
import { transferStatus } from '../../../operations/transfer-status.ts';
import { completeImages } from '../complete-images.ts';
import { command } from '../grammar.ts';
import { openHost } from '../host.ts';
import { ProgressRows } from '../progress.ts';
import { platformFlag } from '../platform-flag.ts';

export const copy = command({
  description:
    'Copy an image from any place to any other, digests as they are. Places are docker://REFERENCE (a registry), oci:FOLDER[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME], dir:FOLDER, and a bare name in the store. A FILE of - is standard input or output.',
  operands: { usage: 'SOURCE DESTINATION', min: 2, max: 2 },
  flags: {
    json: { type: 'bool', help: 'Print one JSON document' },
    'plain-http': { type: 'bool', help: 'Speak plain http to registries' },
    platform: { type: 'string', value: 'string', help: 'Copy this platform alone; without it an index\ngoes whole' },
    quiet: { type: 'bool', short: 'q', help: 'Suppress verbose output' },
    referrers: { type: 'bool', help: 'Also what refers to the image: signatures, SBOMs' },
  },
  examples: [
    ['From one registry to another', 'bay copy docker://debian:12 docker://localhost:5080/debian:12'],
    ['Out of the store into a folder', 'bay copy debian:12 oci:layout:debian'],
    ['Out of an archive, one platform', 'bay copy --platform linux/arm64 oci-archive:app.tar app:arm64'],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    const [from, to] = operands.map((text) => parsePlace(text, terminal.cwd));
    if (!from || !to) return;
    const toStdout = 'path' in to && to.path === '-';
    if (toStdout && terminal.isTTY.stdout)
      throw new ImageError('invalid-argument', 'cowardly refusing to save to a terminal. Name a file or redirect', {
        detail: { plain: true },
      });
    const shows = !flags.quiet && !flags.json && !toStdout;
    await using host = await openHost(invocation, { plainHttp: flags.plainHttp });
    using rows = new ProgressRows(terminal);
    const root = await copyBetween(host, from, to, {
      signal: terminal.signal,
      platform: platformFlag(flags.platform),
      referrers: flags.referrers,
      stdin: terminal.stdin,
      stdout: (archive) => pipeline(archive, terminal.stdout, { signal: terminal.signal, end: false }),
      onProgress: (event) => {
        if (shows) for (const status of transferStatus(event, to.kind === 'registry' ? 'push' : 'pull')) rows.row(status);
      },
    });
    if (to.kind === 'dir' && digestAlgorithm(root.digest) !== 'sha256')
      terminal.stderr.write(
        `Note: a dir: folder does not say what its image's digest is: read from there, the image has a sha256 digest, not ${root.digest}. oci: keeps it.\n`,
      );
    if (flags.json)
      terminal.print(
        `${JSON.stringify({ source: formatPlace(from), destination: formatPlace(to), digest: root.digest, mediaType: root.mediaType })}\n`,
      );
    else if (shows) rows.line(`Digest: ${root.digest}`);
  },
});
