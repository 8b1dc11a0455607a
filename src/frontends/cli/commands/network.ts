/** `bay network ls`, `prune`, `rm`. */

import type { NetworkDocument } from '../../../containers/networks.ts';
import { isImageError } from '../../../errors.ts';
import { listNetworks } from '../../../operations/list-networks.ts';
import { pruneNetworks } from '../../../operations/prune-networks.ts';
import { removeNetwork } from '../../../operations/remove-network.ts';
import { confirm } from '../ask.ts';
import { command } from '../grammar.ts';
import { openStore } from '../host.ts';
import { isOwnTable, labelField, listText, type Field } from '../list.ts';
import { localTime } from '../units.ts';
import { tableFormat } from './format-help.ts';

export const networkList = command({
  description: 'List networks: those that are always there.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    filter: { type: 'filter', short: 'f', value: 'filter', help: 'Provide filter values (e.g. "driver=bridge")' },
    format: tableFormat,
    'no-trunc': { type: 'bool', help: 'Do not truncate the output' },
    quiet: { type: 'bool', short: 'q', help: 'Only display network IDs' },
  },
  async run({ flags, terminal }) {
    const networks = listNetworks({ filters: flags.filter.map(({ name, value }) => ({ key: name, value })) });
    const fields = networkFields(flags.noTrunc);
    if (flags.quiet && isOwnTable(flags.format)) terminal.print(networks.map((row) => `${fields.ID.value(row)}\n`).join(''));
    else
      terminal.print(
        await listText(networks, {
          format: flags.format,
          fields,
          columns: ['ID', 'Name', 'Driver', 'Scope'],
          type: '*formatter.networkContext',
          raw: 'network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n',
        }),
      );
  },
});

export const networkPrune = command({
  description: 'Remove all unused networks. Those that are always there stay, and there are no others.',
  operands: { usage: '', min: 0, max: 0 },
  flags: {
    filter: { type: 'filter', value: 'filter', help: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: { type: 'bool', short: 'f', help: 'Do not prompt for confirmation' },
  },
  async run(invocation) {
    const { flags, terminal } = invocation;
    if (!flags.force && !(await confirm(terminal, pruneWarning))) return;
    await using store = await openStore(invocation);
    const filters = flags.filter.map(({ name, value }) => ({ key: name, value }));
    await pruneNetworks({ store, now: () => terminal.now() }, { filters });
  },
});

const pruneWarning =
  'WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue? [y/N] ';

export const networkRemove = command({
  description: 'Remove one or more networks. Those that are always there cannot be removed.',
  operands: { usage: 'NETWORK [NETWORK...]', min: 1 },
  flags: { force: { type: 'bool', short: 'f', help: 'Do not error if the network does not exist' } },
  async run({ flags, operands, report }) {
    let failed = false;
    for (const name of operands)
      try {
        removeNetwork(name);
      } catch (error) {
        if (flags.force && isImageError(error, 'not-found')) continue;
        report(error);
        failed = true;
      }
    return failed ? 1 : 0;
  },
});

function networkFields(noTrunc: boolean) {
  return {
    CreatedAt: { title: 'CREATED AT', value: ({ Created }) => localTime(Created.startsWith('0001') ? undefined : new Date(Created)) },
    Driver: { title: 'DRIVER', value: ({ Driver }) => Driver },
    ID: { title: 'NETWORK ID', value: ({ Id }) => (noTrunc ? Id : Id.slice(0, 12)) },
    IPv4: { title: 'IPV4', value: ({ EnableIPv4 }) => String(EnableIPv4) },
    IPv6: { title: 'IPV6', value: ({ EnableIPv6 }) => String(EnableIPv6) },
    Internal: { title: 'INTERNAL', value: ({ Internal }) => String(Internal) },
    Label: labelField(({ Labels }: NetworkDocument) => Labels),
    Labels: { title: 'LABELS', value: () => '' },
    Name: { title: 'NAME', value: ({ Name }) => Name },
    Scope: { title: 'SCOPE', value: ({ Scope }) => Scope },
  } satisfies Record<string, Field<NetworkDocument>>;
}
