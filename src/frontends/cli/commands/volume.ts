/** `bay volume create`, `ls`, `rm`, `prune`, `update`. */

import { ImageError } from '../../../errors.ts';
import { createVolume } from '../../../operations/create-volume.ts';
import { inspectVolume } from '../../../operations/inspect-volume.ts';
import { listVolumes } from '../../../operations/list-volumes.ts';
import { pruneVolumes } from '../../../operations/prune-volumes.ts';
import { removeVolume } from '../../../operations/remove-volume.ts';
import { confirm } from '../ask.ts';
import { completeVolumes } from '../complete-volumes.ts';
import { pairsToMap } from '../create/environment.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { isOwnTable, listText } from '../list.ts';
import { volumeFields } from '../volume-fields.ts';
import { prunedText, reclaimedText } from '../pruned-text.ts';
import { tableFormat } from './format-help.ts';

export const volumeCreate = command({
  description: 'Create a volume: a folder of files that containers share. Without a name it gets one of 64 hex digits.',
  operands: { usage: '[VOLUME]', min: 0, max: 1 },
  flags: {
    driver: { type: 'string', short: 'd', default: 'local', value: 'string', help: 'Specify volume driver name' },
    label: { type: 'list', value: 'list', help: 'Set metadata for a volume' },
    opt: { type: 'list', short: 'o', value: 'map', help: 'Set driver specific options' },
  },
  examples: [['With a label', 'bay volume create --label of=app data']],
  async run(invocation) {
    const { flags, operands, terminal } = invocation;
    await using store = await openStore(invocation);
    const labels = pairsToMap(flags.label);
    const { Name } = await createVolume(
      { store },
      {
        name: operands[0],
        driver: flags.driver,
        labels: Object.keys(labels).length > 0 ? labels : null,
        options: pairsToMap(flags.opt),
      },
    );
    terminal.print(`${Name}\n`);
  },
});

export const volumeList = command({
  description: 'List volumes.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    filter: { type: 'filter', short: 'f', value: 'filter', help: 'Provide filter values (e.g. "dangling=true")' },
    format: tableFormat,
    json: { type: 'bool', help: 'Print one JSON document' },
    quiet: { type: 'bool', short: 'q', help: 'Only display volume names' },
  },
  examples: [['Those that no container needs', 'bay volume ls -f dangling=true']],
  async run(invocation) {
    const { flags, terminal } = invocation;
    await using store = await openStore(invocation);
    const volumes = await listVolumes({ store }, { filters: flags.filter.map(({ name, value }) => ({ key: name, value })) });
    const sorted = [...volumes].sort((a, b) => natural.compare(a.Name, b.Name));
    if (flags.json) terminal.print(`${JSON.stringify(sorted)}\n`);
    else if (flags.quiet && isOwnTable(flags.format)) terminal.print(sorted.map(({ Name }) => `${Name}\n`).join(''));
    else
      terminal.print(
        await listText(sorted, {
          format: flags.format,
          fields: volumeFields,
          columns: ['Driver', 'Name'],
          type: '*formatter.volumeContext',
          raw: 'name: {{.Name}}\ndriver: {{.Driver}}\n',
        }),
      );
  },
});

/** Digits by their number, as docker's client sorts them. */
const natural = new Intl.Collator('en', { numeric: true });

export const volumeRemove = command({
  description: 'Remove one or more volumes. You cannot remove a volume that is in use by a container.',
  operands: { usage: 'VOLUME [VOLUME...]', min: 1 },
  flags: { force: { type: 'bool', short: 'f', help: 'Force the removal of one or more volumes' } },
  complete: completeVolumes,
  async run(invocation) {
    const { flags, operands, terminal, report } = invocation;
    await using store = await openStore(invocation);
    let failed = false;
    for (const name of operands) {
      try {
        await removeVolume({ store }, name, flags);
        terminal.print(`${name}\n`);
      } catch (error) {
        if (terminal.signal.aborted) throw error;
        report(error);
        failed = true;
      }
    }
    return failed ? 1 : 0;
  },
});

export const volumeUpdate = command({
  description: 'Update a volume. Docker has that for the volumes of a cluster alone, and there is none here: every volume is local.',
  operands: { usage: '[VOLUME]', min: 1, max: 1 },
  flags: {
    availability: { type: 'string', default: 'active', value: 'string', help: 'Cluster Volume availability ("active",\n"pause", "drain")' },
  },
  complete: completeVolumes,
  async run(invocation) {
    await using store = await openStore(invocation);
    await inspectVolume({ store }, invocation.operands[0]);
    throw new ImageError('unsupported', 'can only update cluster volumes', { detail: { plain: true } });
  },
});

const warnings = {
  anonymous:
    'WARNING! This will remove anonymous local volumes not used by at least one container.\nAre you sure you want to continue? [y/N] ',
  all: 'WARNING! This will remove all local volumes not used by at least one container.\nAre you sure you want to continue? [y/N] ',
};

export const volumePrune = command({
  description: 'Remove unused local volumes: those without a name of their own, or with --all every one.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    all: { type: 'bool', short: 'a', help: 'Remove all unused volumes, not just anonymous\nones' },
    'dry-run': { type: 'bool', help: 'Show what would be removed, and remove nothing' },
    filter: { type: 'filter', value: 'filter', help: 'Provide filter values (e.g. "label=<label>")' },
    force: { type: 'bool', short: 'f', help: 'Do not prompt for confirmation' },
  },
  async run(invocation) {
    const { flags, terminal } = invocation;
    if (flags.all && flags.filter.some(({ name }) => name === 'all'))
      throw new ImageError('invalid-argument', 'conflicting options: cannot specify both --all and --filter all=1', {
        detail: { plain: true },
      });
    if (!flags.force && !flags.dryRun && !(await confirm(terminal, flags.all ? warnings.all : warnings.anonymous))) return;
    await using store = await openStore(invocation);
    const filters = flags.filter.map(({ name, value }) => ({ key: name, value }));
    const { VolumesDeleted, SpaceReclaimed } = await pruneVolumes(
      { store },
      { filters: flags.all ? [...filters, { key: 'all', value: 'true' }] : filters, dryRun: flags.dryRun, signal: terminal.signal },
    );
    terminal.print(`${prunedText('Volumes', VolumesDeleted, flags.dryRun)}${reclaimedText(SpaceReclaimed, flags.dryRun)}`);
  },
});
