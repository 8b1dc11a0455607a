/** `bay network ls`. */

import type { NetworkDocument } from '../../../containers/networks.ts';
import { listNetworks } from '../../../operations/list-networks.ts';
import { command } from '../grammar.ts';
import { labelTitle, listText, type Field } from '../list.ts';
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
    if (flags.quiet && flags.format === undefined) terminal.stdout.write(networks.map((row) => `${fields.ID.value(row)}\n`).join(''));
    else
      terminal.stdout.write(
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

function networkFields(noTrunc: boolean) {
  return {
    CreatedAt: { title: 'CREATED AT', value: ({ Created }) => localTime(Created.startsWith('0001') ? undefined : new Date(Created)) },
    Driver: { title: 'DRIVER', value: ({ Driver }) => Driver },
    ID: { title: 'NETWORK ID', value: ({ Id }) => (noTrunc ? Id : Id.slice(0, 12)) },
    IPv4: { title: 'IPV4', value: ({ EnableIPv4 }) => String(EnableIPv4) },
    IPv6: { title: 'IPV6', value: ({ EnableIPv6 }) => String(EnableIPv6) },
    Internal: { title: 'INTERNAL', value: ({ Internal }) => String(Internal) },
    Label: {
      title: labelTitle,
      value:
        ({ Labels }) =>
        (name: string) =>
          Labels[name] ?? '',
    },
    Labels: { title: 'LABELS', value: () => '' },
    Name: { title: 'NAME', value: ({ Name }) => Name },
    Scope: { title: 'SCOPE', value: ({ Scope }) => Scope },
  } satisfies Record<string, Field<NetworkDocument>>;
}
