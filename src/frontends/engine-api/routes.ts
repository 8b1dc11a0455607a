import { createImage, getImages, loadImages, pushImage } from './image-transfer.ts';
import { imageHistory, inspectImage } from './image-inspect.ts';
import { listImages } from './image-list.ts';
import { deleteImage, pruneImages, tagImage } from './image-names.ts';
import { checkCredentials, inspectDistribution, searchImages } from './registry-routes.ts';
import { sendPath, statPath, takePath } from './container-archive.ts';
import {
  changeContainer,
  clearContainers,
  commitContainer,
  deleteContainer,
  makeContainer,
  nameContainer,
  sendContainer,
  showChanges,
  showContainer,
  showContainers,
} from './containers.ts';
import { showEvents } from './events.ts';
import {
  attachToContainer,
  killContainer,
  measureContainer,
  needsRunning,
  noExecution,
  refuseExecution,
  refuseIdle,
  resizeContainer,
  resumeContainer,
  showLogs,
  stopContainer,
  waitForContainer,
} from './idle-container.ts';
import { clearNetworks, deleteNetwork, showNetwork, showNetworks } from './networks.ts';
import { changeVolume, clearVolumes, deleteVolume, makeVolume, showVolume, showVolumes } from './volumes.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { buildElsewhere, buildsNothing, notHere } from './not-here.ts';
import { route, type Route } from './route.ts';
import { noSwarm, swarmPaths } from './swarm.ts';
import { diskUsage, ping, showInfo, showVersion } from './system.ts';

/** What makes a container run, or what only one that ran can have: as `cannot WHAT container c1`. */
const runningPaths = [
  ['POST', '/containers/{name}/start', 'start'],
  ['POST', '/containers/{name}/restart', 'restart'],
  ['GET', '/containers/{name}/attach/ws', 'attach to'],
  ['GET', '/containers/{name}/checkpoints', 'list the checkpoints of'],
  ['POST', '/containers/{name}/checkpoints', 'make a checkpoint of'],
] as const;

/** Every route, as docker's API names it. */
export const routes: readonly Route[] = [
  route('GET', '/_ping', ping),
  route('HEAD', '/_ping', ping),
  route('GET', '/version', showVersion),
  route('GET', '/info', showInfo),
  route('GET', '/system/df', diskUsage),
  route('POST', '/auth', checkCredentials, { raw: true, reads: true }),

  route('GET', '/images/json', listImages),
  route('GET', '/images/search', searchImages),
  route('GET', '/images/get', getImages),
  route('GET', '/images/{name}/get', getImages),
  route('GET', '/images/{name}/history', imageHistory),
  route('GET', '/images/{name}/json', inspectImage),
  route('POST', '/images/create', createImage, { raw: true }),
  route('POST', '/images/load', loadImages, { raw: true }),
  route('POST', '/images/prune', pruneImages),
  route('POST', '/images/{name}/push', pushImage, { reads: true }),
  route('POST', '/images/{name}/tag', tagImage),
  route('DELETE', '/images/{name}', deleteImage),
  route('GET', '/distribution/{name}/json', inspectDistribution),

  route('POST', '/build', notHere(buildsNothing, buildElsewhere), { raw: true }),
  route('POST', '/build/cancel', notHere(buildsNothing)),
  route('POST', '/build/prune', pruneBuildCache),
  route('POST', '/session', notHere(buildsNothing, buildElsewhere), { raw: true }),
  route('POST', '/grpc', notHere(buildsNothing, buildElsewhere), { raw: true }),

  route('GET', '/events', showEvents),

  route('GET', '/containers/json', showContainers),
  route('POST', '/containers/create', makeContainer),
  route('POST', '/containers/prune', clearContainers),
  route('GET', '/containers/{name}/json', showContainer),
  route('GET', '/containers/{name}/changes', showChanges),
  route('GET', '/containers/{name}/export', sendContainer),
  route('HEAD', '/containers/{name}/archive', statPath),
  route('GET', '/containers/{name}/archive', sendPath),
  route('PUT', '/containers/{name}/archive', takePath, { raw: true }),
  route('POST', '/containers/{name}/rename', nameContainer),
  route('POST', '/containers/{name}/update', changeContainer),
  route('DELETE', '/containers/{name}', deleteContainer),
  route('POST', '/commit', commitContainer),
  route('POST', '/containers/{name}/stop', stopContainer),
  route('POST', '/containers/{name}/kill', killContainer, { raw: true }),
  route('POST', '/containers/{name}/pause', refuseIdle, { raw: true }),
  route('POST', '/containers/{name}/unpause', resumeContainer, { raw: true }),
  route('POST', '/containers/{name}/resize', resizeContainer),
  route('POST', '/containers/{name}/wait', waitForContainer, { reads: true }),
  route('POST', '/containers/{name}/attach', attachToContainer, { raw: true, reads: true }),
  route('POST', '/containers/{name}/exec', refuseExecution),
  route('GET', '/containers/{name}/logs', showLogs),
  route('GET', '/containers/{name}/top', refuseIdle),
  route('GET', '/containers/{name}/stats', measureContainer),
  ...runningPaths.map(([method, path, what]) => route(method, path, needsRunning(what), { raw: true })),
  route('GET', '/exec/{name}/json', noExecution),
  route('POST', '/exec/{name}/start', noExecution, { raw: true }),
  route('POST', '/exec/{name}/resize', noExecution),

  route('GET', '/volumes', showVolumes),
  route('POST', '/volumes/create', makeVolume),
  route('POST', '/volumes/prune', clearVolumes),
  route('GET', '/volumes/{name}', showVolume),
  route('PUT', '/volumes/{name}', changeVolume, { raw: true }),
  route('DELETE', '/volumes/{name}', deleteVolume),

  route('GET', '/networks', showNetworks),
  route('POST', '/networks/create', notHere('there are the networks bridge, host and none, and no others can be made'), { raw: true }),
  route('POST', '/networks/prune', clearNetworks),
  ...['connect', 'disconnect'].map((what) =>
    route('POST', `/networks/{name}/${what}`, notHere('networks are for containers that run, and Bayplan does not run them'), {
      raw: true,
    }),
  ),
  route('GET', '/networks/{name}', showNetwork),
  route('DELETE', '/networks/{name}', deleteNetwork),

  route('GET', '/plugins', () => jsonAnswer(200, [])),
  ...swarmPaths.map(([method, path]) => route(method, path, noSwarm, { raw: true })),
];

/** A store without builds has no cache of them. */
function pruneBuildCache(exchange: Exchange): Answer {
  exchange.filters();
  return jsonAnswer(200, { CachesDeleted: null, SpaceReclaimed: 0 });
}
