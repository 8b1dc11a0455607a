/** `bay version`. */

import { hostPlatform } from '../../../model/platform.ts';
import { commit, version as release } from '../../../version.ts';
import { documentTemplate } from '../documents.ts';
import { command } from '../grammar.ts';
import { documentFormat } from './format-help.ts';

export const version = command({
  operands: { usage: '', min: 0, max: 0 },
  flags: { format: documentFormat, json: { type: 'bool', help: 'Print one JSON document' } },
  examples: [
    ['The version alone', "bay version --format '{{.Client.Version}}'"],
    ['For a script', 'bay version --format json'],
  ],
  async run({ flags, terminal }) {
    const { os, architecture } = hostPlatform();
    const facts = { Version: release, GitCommit: commit, NodeVersion: process.versions.node, Os: os, Arch: architecture };
    // Scripts ask docker for the server's version too. There is no server here but the program itself.
    const document = { Client: facts, Server: facts };
    if (flags.json || flags.format === 'json') terminal.print(`${JSON.stringify(document)}\n`);
    else if (flags.format !== undefined && flags.format !== '') {
      const template = await documentTemplate(flags.format, { name: 'version' });
      terminal.print(`${template.execute(document)}\n`);
    } else {
      const lines = [
        ['Version', release],
        ['Node version', facts.NodeVersion],
        ['Git commit', commit],
        ['OS/Arch', `${os}/${architecture}`],
      ] as const;
      terminal.print(`Bayplan:\n${lines.map(([name, value]) => ` ${`${name}:`.padEnd(18)} ${value}\n`).join('')}`);
    }
  },
});
