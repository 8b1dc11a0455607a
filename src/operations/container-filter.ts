import type { Container } from '../containers/container.ts';
import { ImageError, isImageError } from '../errors.ts';
import { filterSwitch, labelFilter, parseFilterTime, patternTest, requireFilterKey, type FilterTerm } from './filter-term.ts';
import type { Host } from './host.ts';

type Test = (container: Container) => boolean;

/** The keys of `ps`; a prune takes fewer. */
export const listContainersKeys = [
  ...['ancestor', 'before', 'exited', 'expose', 'health', 'id', 'is-task', 'isolation', 'label', 'name', 'network', 'publish', 'since'],
  ...['status', 'volume'],
] as const;
export const pruneContainersKeys = ['label', 'label!', 'until'] as const;

const states = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const healths = ['none', 'starting', 'healthy', 'unhealthy'];

/**
 * Makes docker's filter of its terms: labels must all be there, values of any other key are alternatives, and different keys must hold together.
 * @param now needed for `until`
 * @throws ImageError `invalid-argument`, with docker's texts; `not-found` for a container that `before` or `since` names
 */
export async function containerFilter(
  host: Pick<Host, 'store' | 'containers'>,
  terms: readonly FilterTerm[],
  keys: readonly string[],
  now?: Date,
): Promise<Test> {
  const alternatives = new Map<string, Test[]>();
  const all: Test[] = [];
  for (const { key, value } of terms) {
    requireFilterKey(key, keys);
    const test = key === 'is-task' ? taskTest(terms) : await testOf(host, key, value, now);
    if (['label', 'label!'].includes(key)) all.push(test);
    else alternatives.set(key, [...(alternatives.get(key) ?? []), test]);
  }
  // What is published and what is exposed are alternatives too: docker looks at both together.
  const ports = [...(alternatives.get('publish') ?? []), ...(alternatives.get('expose') ?? [])];
  for (const [key, tests] of alternatives) {
    const any = key === 'publish' || key === 'expose' ? ports : tests;
    all.push((container) => any.some((test) => test(container)));
  }
  return (container) => all.every((test) => test(container));
}

async function testOf(host: Pick<Host, 'store' | 'containers'>, key: string, value: string, now?: Date): Promise<Test> {
  const refuse = (why: string) => new ImageError('invalid-argument', `invalid filter '${key}=${value}': ${why}`);
  switch (key) {
    case 'ancestor':
      return ancestorTest(host, value);
    case 'before': {
      const { record } = await host.containers.get(value);
      return (container) => container.record.created < record.created;
    }
    case 'since': {
      const { record } = await host.containers.get(value);
      return (container) => container.record.created > record.created;
    }
    case 'exited':
      if (!/^[+-]?\d+$/.test(value)) throw refuse(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
      // None has been run.
      return () => false;
    case 'expose':
    case 'publish':
      checkPort(key, value);
      // Docker counts the ports of those that run.
      return () => false;
    case 'health':
      if (!healths.includes(value)) throw refuse(`invalid value for health (${value}): must be one of none, starting, healthy, unhealthy`);
      return () => value === 'none';
    case 'id':
      return ({ id }) => value !== '' && id.startsWith(value);
    case 'isolation':
      return ({ document }) => (document.host.Isolation || 'default').toLowerCase() === value.toLowerCase();
    case 'label':
    case 'label!': {
      const has = labelFilter(value);
      return ({ document }) => has(document.config.Labels ?? {}) === (key === 'label');
    }
    case 'name':
      return textTest(key, value, ({ name }) => [name, `/${name}`]);
    case 'network':
      return ({ document }) => Object.entries(document.networks).some(([name, { NetworkID }]) => name === value || NetworkID === value);
    case 'status':
      if (!states.includes(value)) throw refuse(`invalid value for state (${value}): must be one of ${states.join(', ')}`);
      return ({ record }) => record.state === value;
    case 'until': {
      const end = parseFilterTime(value, now ?? new Date());
      return ({ record }) => record.created.getTime() < end;
    }
    default:
      return ({ document }) =>
        document.mounts.some(({ Type, Name, Source, Destination }) =>
          [Name, Destination, ...(Type === 'volume' ? [] : [Source])].includes(value),
        );
  }
}

/** None is a swarm's. */
function taskTest(terms: readonly FilterTerm[]): Test {
  const wanted = filterSwitch(terms, 'is-task');
  return () => wanted !== true;
}

function textTest(key: string, value: string, texts: (container: Container) => readonly string[]): Test {
  const matches = patternTest(key, value);
  return (container) => texts(container).some(matches);
}

/** Containers of an image that is not here are none. */
async function ancestorTest({ store }: Pick<Host, 'store'>, value: string): Promise<Test> {
  try {
    const { target, root } = await store.find(value);
    const digests = new Set<string>([target.digest, root.digest]);
    return ({ record }) => digests.has(record.target.digest) || digests.has(record.manifest.digest);
  } catch (error) {
    if (!isImageError(error, 'not-found', 'invalid-reference')) throw error;
    return () => false;
  }
}

function checkPort(key: string, value: string): void {
  if (value.includes(':')) throw new ImageError('invalid-argument', `filter for '${key}' should not contain ':': ${value}`);
  const [range = ''] = value.split('/', 1);
  const ports = range.split('-');
  for (const port of ports)
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
      throw new ImageError(
        'invalid-argument',
        `error while looking up for ${key} ${value}: strconv.ParseUint: parsing ${JSON.stringify(port)}: ${/^\d+$/.test(port) ? 'value out of range' : 'invalid syntax'}`,
      );
  const [from = '', to = from] = ports;
  if (ports.length > 2 || Number(from) > Number(to))
    throw new ImageError('invalid-argument', `error while looking up for ${key} ${value}: Invalid range specified for the Port: ${range}`);
}
