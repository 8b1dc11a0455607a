import { findNetwork, networks, type NetworkDocument } from '../containers/networks.ts';
import { ImageError } from '../errors.ts';
import { filterSwitch, labelFilter, patternTest, requireFilterKey, type FilterTerm } from './filter-term.ts';

/** The networks that are there, by docker's filters: values of one key are alternatives, different keys must hold together. @throws ImageError `invalid-argument` */
export function listNetworks(options: { readonly filters?: readonly FilterTerm[] | undefined } = {}): readonly NetworkDocument[] {
  const { filters = [] } = options;
  const alternatives = new Map<string, ((network: NetworkDocument) => boolean)[]>();
  for (const { key, value } of filters) {
    requireFilterKey(key, ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
    alternatives.set(key, [...(alternatives.get(key) ?? []), testOf(filters, key, value)]);
  }
  return networks().filter((network) => [...alternatives.values()].every((tests) => tests.some((test) => test(network))));
}

/** By its name or id. @throws ImageError `not-found`, with docker's text */
export function inspectNetwork(name: string): NetworkDocument {
  return findNetwork(networks(), name);
}

function testOf(terms: readonly FilterTerm[], key: string, value: string): (network: NetworkDocument) => boolean {
  switch (key) {
    case 'dangling': {
      const wanted = filterSwitch(terms, key);
      // Those that are always there are never left over.
      return () => !wanted;
    }
    case 'driver':
      return ({ Driver }) => Driver === value;
    case 'id':
      return ({ Id }) => Id.includes(value);
    case 'label': {
      const has = labelFilter(value);
      return ({ Labels }) => has(Labels);
    }
    case 'name': {
      const matches = patternTest(key, value);
      return ({ Name }) => matches(Name);
    }
    case 'scope':
      return ({ Scope }) => Scope === value;
    default:
      if (value !== 'builtin' && value !== 'custom') throw new ImageError('invalid-argument', `invalid filter: 'type'='${value}'`);
      return () => value === 'builtin';
  }
}
