import { jsonAnswer, type Answer } from './answer.ts';

/** Docker's routes of swarms. */
export const swarmPaths: readonly (readonly [method: 'GET' | 'POST' | 'DELETE', path: string])[] = [
  ['GET', '/swarm'],
  ['POST', '/swarm/{name}'],
  ['GET', '/swarm/unlockkey'],
  ...['nodes', 'services', 'secrets', 'configs'].flatMap((kind) => [
    ['GET', `/${kind}`] as const,
    ['POST', `/${kind}/create`] as const,
    ['GET', `/${kind}/{name}`] as const,
    ['POST', `/${kind}/{name}/update`] as const,
    ['DELETE', `/${kind}/{name}`] as const,
  ]),
  ['GET', '/tasks'],
  ['GET', '/tasks/{name}'],
];

/** What docker says on a machine that is in no swarm, which is every machine of ours. */
export function noSwarm(): Answer {
  return jsonAnswer(503, {
    message:
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  });
}
