import { createImage, getImages, loadImages, pushImage } from './image-transfer.ts';
import { imageHistory, inspectImage } from './image-inspect.ts';
import { listImages } from './image-list.ts';
import { deleteImage, pruneImages, tagImage } from './image-names.ts';
import { checkCredentials, inspectDistribution, searchImages } from './registry-routes.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import { buildElsewhere, buildsNothing, notHere } from './not-here.ts';
import { route, type Route } from './route.ts';
import { noSwarm, swarmPaths } from './swarm.ts';
import { diskUsage, ping, showInfo, showVersion } from './system.ts';

/** Every route, as docker's API names it. */
export const routes: readonly Route[] = [
  route('GET', '/_ping', ping),
  route('HEAD', '/_ping', ping),
  route('GET', '/version', showVersion),
  route('GET', '/info', showInfo),
  route('GET', '/system/df', diskUsage),
  route('POST', '/auth', checkCredentials, { raw: true }),

  route('GET', '/images/json', listImages),
  route('GET', '/images/search', searchImages),
  route('GET', '/images/get', getImages),
  route('GET', '/images/{name}/get', getImages),
  route('GET', '/images/{name}/history', imageHistory),
  route('GET', '/images/{name}/json', inspectImage),
  route('POST', '/images/create', createImage, { raw: true }),
  route('POST', '/images/load', loadImages, { raw: true }),
  route('POST', '/images/prune', pruneImages),
  route('POST', '/images/{name}/push', pushImage),
  route('POST', '/images/{name}/tag', tagImage),
  route('DELETE', '/images/{name}', deleteImage),
  route('GET', '/distribution/{name}/json', inspectDistribution),

  route('POST', '/build', notHere(buildsNothing, buildElsewhere), { raw: true }),
  route('POST', '/build/cancel', notHere(buildsNothing)),
  route('POST', '/build/prune', pruneBuildCache),
  route('POST', '/session', notHere(buildsNothing, buildElsewhere), { raw: true }),
  route('POST', '/grpc', notHere(buildsNothing, buildElsewhere), { raw: true }),

  route('GET', '/plugins', () => jsonAnswer(200, [])),
  ...swarmPaths.map(([method, path]) => route(method, path, noSwarm, { raw: true })),
];

/** A store without builds has no cache of them. */
function pruneBuildCache(): Answer {
  return jsonAnswer(200, { CachesDeleted: null, SpaceReclaimed: 0 });
}
