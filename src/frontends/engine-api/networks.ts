import { ImageError } from '../../errors.ts';
import { inspectNetwork, listNetworks } from '../../operations/list-networks.ts';
import { pruneNetworks } from '../../operations/prune-networks.ts';
import { removeNetwork } from '../../operations/remove-network.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** `GET /networks`. */
export function showNetworks(exchange: Exchange): Answer {
  return jsonAnswer(200, listNetworks({ filters: exchange.filters() }));
}

/** `GET /networks/{name}`; without a name all of them. */
export function showNetwork(exchange: Exchange): Answer {
  const { name } = exchange;
  if (name === '') return showNetworks(exchange);
  const verbose = exchange.text('verbose');
  if (verbose !== undefined && !/^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(verbose))
    throw new ImageError(
      'invalid-argument',
      `invalid value for verbose: ${verbose.slice(0, 40)}: strconv.ParseBool: parsing ${JSON.stringify(verbose.slice(0, 40))}: invalid syntax`,
    );
  const found = inspectNetwork(name);
  const scope = exchange.text('scope');
  if (scope !== undefined && scope !== found.Scope) throw new ImageError('not-found', `network ${name} not found`);
  return jsonAnswer(200, found);
}

/** `DELETE /networks/{name}`: there are only those that docker does not remove either. */
export function deleteNetwork({ name }: Exchange): Answer {
  if (name === '')
    throw new ImageError('invalid-argument', `network  is ambiguous (${listNetworks().length} matches found based on ID prefix)`);
  return removeNetwork(name);
}

/** `POST /networks/prune`. */
export async function clearNetworks(exchange: Exchange): Promise<Answer> {
  return jsonAnswer(200, await pruneNetworks(exchange.desk.host, { filters: exchange.filters() }));
}
