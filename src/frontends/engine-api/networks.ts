import { ImageError } from '../../errors.ts';
import { inspectNetwork, listNetworks } from '../../operations/list-networks.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** `GET /networks`. */
export function showNetworks(exchange: Exchange): Answer {
  return jsonAnswer(200, listNetworks({ filters: exchange.filters() }));
}

/** `GET /networks/{name}`. */
export function showNetwork({ name }: Exchange): Answer {
  return jsonAnswer(200, inspectNetwork(name));
}

/** `DELETE /networks/{name}`: there are only those that docker does not remove either. */
export function deleteNetwork({ name }: Exchange): Answer {
  throw new ImageError('denied', `${inspectNetwork(name).Name} is a pre-defined network and cannot be removed`);
}

/** `POST /networks/prune`. */
export function clearNetworks(exchange: Exchange): Answer {
  listNetworks({ filters: exchange.filters().filter(({ key }) => key !== 'until' && key !== 'label!') });
  return jsonAnswer(200, { NetworksDeleted: null });
}
