import { jsonAnswer, type Answer } from './answer.ts';

/** What docker says on a machine that is in no swarm, which is every machine of ours. */
export function noSwarm(): Answer {
  return jsonAnswer(503, {
    message:
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  });
}
