/** `bay info` and `bay system info`. */

import { availableParallelism, hostname, release as kernel, totalmem, type as osType } from 'node:os';
import { hostPlatform } from '../../../model/platform.ts';
import { version } from '../../../version.ts';
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
    const usage = await store.usage();
    const platform = hostPlatform();
    // Docker's names of the same facts, so that templates written for docker answer here.
    const facts = {
      Containers: 0,
      Images: usage.images.length,
      Driver: 'oci-layout',
      DockerRootDir: store.path,
      StoreSize: usage.total,
      OSType: platform.os,
      Architecture: platform.architecture,
      OperatingSystem: osType(),
      KernelVersion: kernel(),
      NCPU: availableParallelism(),
      MemTotal: totalmem(),
      Name: hostname(),
      NodeVersion: process.versions.node,
      ServerVersion: version,
    };
    if (flags.json || flags.format !== undefined) {
      const format = flags.format ?? 'json';
      terminal.print(format === 'json' ? `${JSON.stringify(facts)}\n` : await documentsText([facts], format));
      return;
    }
    terminal.print(
      [
        `Version: ${facts.ServerVersion}`,
        `Images: ${facts.Images}`,
        `Store: ${facts.DockerRootDir}`,
        ` Format: OCI image layout`,
        ` Size: ${humanSize(facts.StoreSize)}`,
        `OS/Arch: ${facts.OSType}/${facts.Architecture}`,
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
