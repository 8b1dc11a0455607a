/** `bay inspect` and `bay image inspect`. */

import { ImageError, isImageError } from '../../../errors.ts';
import { parsePlatform } from '../../../model/platform.ts';
import { inspect as inspectImage, type InspectedImage } from '../../../operations/inspect.ts';
import { completeImages } from '../complete-images.ts';
import { documentsText } from '../documents.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { inspectedFields } from '../inspected-fields.ts';
import { documentFormat } from './format-help.ts';

export const inspect = command({
  description: 'Show everything about one or more images, as JSON or by a template.',
  operands: { usage: 'IMAGE [IMAGE...]', min: 1 },
  flags: {
    format: documentFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
    platform: { type: 'string', value: 'string', help: 'Inspect a specific platform of the\nmulti-platform image.' },
    size: { type: 'bool', short: 's', help: 'Display total file sizes if the type is container' },
    type: { type: 'string', value: 'string', help: 'Only inspect objects of the given type', values: ['image'] },
  },
  examples: [
    ['The digest that a registry knows it by', "bay inspect -f '{{index .RepoDigests 0}}' debian:12"],
    ['One setting', "bay inspect -f '{{json .Config.Env}}' debian:12"],
  ],
  complete: completeImages,
  async run(invocation) {
    const { flags, operands, terminal, report } = invocation;
    if (flags.type !== undefined && flags.type !== 'image')
      throw new ImageError('invalid-argument', `"${flags.type}" is not a valid value for --type`);
    await using store = await openStore(invocation);
    const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
    const found: InspectedImage[] = [];
    const failures: unknown[] = [];
    for (const name of operands) {
      try {
        found.push(await inspectImage({ store }, name, { platform, signal: terminal.signal }));
      } catch (error) {
        failures.push(
          invocation.name === 'inspect' && isImageError(error, 'not-found')
            ? new ImageError('not-found', `No such object: ${name}`)
            : error,
        );
      }
    }
    terminal.stdout.write(await documentsText(found, flags.json ? 'json' : flags.format, inspectedFields));
    for (const error of failures) report(error);
    return failures.length > 0 ? 1 : 0;
  },
});
