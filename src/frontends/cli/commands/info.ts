/** `bay info` and `bay system info`. */

import { hostPlatform } from '../../../model/platform.ts';
import { describeHost } from '../../../operations/describe-host.ts';
import { commit, version } from '../../../version.ts';
import { documentsText } from '../documents.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { binarySize, humanSize } from '../units.ts';
import { documentFormat } from './format-help.ts';

export const info = command({
  description: 'Show where the store is, what it holds, and what this machine is.',
  operands: { usage: '', min: 0, max: 0 },
  flags: { format: documentFormat, json: { type: 'bool', help: 'Print one JSON document' } },
  examples: [['Where the images are', "bay info -f '{{.DockerRootDir}}'"]],
  async run(invocation) {
    const { flags, terminal } = invocation;
    await using store = await openStore(invocation);
    const described = await describeHost({ store, now: () => terminal.now() });
    const { total: StoreSize } = await store.usage();
    const { os: Os, architecture: Arch } = hostPlatform();
    const client = { Version: version, GitCommit: commit, Os, Arch, Context: 'default', Plugins: [], Warnings: null };
    // Docker's names of the same facts, so that templates written for docker answer here; there is no server with an id.
    const facts = { ID: '', ...described, StoreSize, NodeVersion: process.versions.node, ClientInfo: { Debug: false, ...client } };
    if (flags.json || flags.format !== undefined) {
      const format = flags.format ?? 'json';
      terminal.print(format === 'json' ? `${JSON.stringify(facts)}\n` : await documentsText([facts], format));
      return;
    }
    terminal.print(
      [
        `Version: ${facts.ServerVersion}`,
        `Containers: ${facts.Containers}`,
        `Images: ${facts.Images}`,
        `Store: ${facts.DockerRootDir}`,
        ` Format: OCI image layout`,
        ` Size: ${humanSize(facts.StoreSize)}`,
        `OS/Arch: ${Os}/${Arch}`,
        `Operating System: ${facts.OperatingSystem}`,
        `Kernel Version: ${facts.KernelVersion}`,
        `CPUs: ${facts.NCPU}`,
        `Total Memory: ${binarySize(facts.MemTotal)}`,
        `Name: ${facts.Name}`,
        `Node: ${facts.NodeVersion}`,
        '',
      ].join('\n'),
    );
  },
});
