/** `bay version`. */

import { command } from '../grammar.ts';
import { release } from '../release.ts';

export const version = command({
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    format: {
      type: 'string',
      short: 'f',
      help: "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.",
      values: ['json'],
    },
  },
  examples: [
    ['The version alone', "bay version --format '{{.Client.Version}}'"],
    ['For a script', 'bay version --format json'],
  ],
  async run({ flags, terminal }) {
    const architecture = { x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch;
    const system = process.platform === 'win32' ? 'windows' : process.platform;
    const client = { Platform: { Name: 'Bayplan' }, Version: release, NodeVersion: process.versions.node, Os: system, Arch: architecture };
    if (flags.format === 'json') {
      terminal.stdout.write(`${JSON.stringify({ Client: client })}\n`);
      return;
    }
    terminal.stdout.write(
      [
        'Client: Bayplan',
        ` Version:           ${release}`,
        ` Node version:      ${process.versions.node}`,
        ` OS/Arch:           ${system}/${architecture}`,
        '',
      ].join('\n'),
    );
  },
});
