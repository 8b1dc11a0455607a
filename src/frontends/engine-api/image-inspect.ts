import { ImageError } from '../../errors.ts';
import { inspect, type InspectedImage } from '../../operations/inspect.ts';
import { history } from '../../operations/history.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { ApiVersion } from './api-version.ts';
import type { Exchange } from './exchange.ts';
import { imageRelations } from './image-list.ts';
import { manifestSummaries } from './manifest-summaries.ts';

/** `GET /images/{name}/json`. */
export async function inspectImage(exchange: Exchange): Promise<Answer> {
  const { desk, name, version, signal } = exchange;
  const { store } = desk.host;
  const withManifests = version >= 48 && exchange.flag('manifests');
  const [platform] = exchange.platformJson(49);
  if (withManifests && platform)
    throw new ImageError('invalid-argument', 'conflicting options: manifests and platform options cannot both be set');
  const image = await inspect(desk.host, name, { platform, signal });
  const document = imageDocument(image, version);
  if (!withManifests) return jsonAnswer(200, document);
  const record = await store.image(image.Descriptor.digest);
  const { users } = await imageRelations(store);
  return jsonAnswer(200, { ...document, Manifests: record ? await manifestSummaries(store, record, users) : [] });
}

/** The document in the shape of the version: Go's zero values where docker writes them, and what later versions have left out. */
function imageDocument(image: InspectedImage, version: ApiVersion): Record<string, unknown> {
  const { Id, RepoTags, RepoDigests, Comment = '', Created, DockerVersion = '', Author = '', Descriptor, Config, ...rest } = image;
  const config = {
    ...(version < 50
      ? {
          Hostname: '',
          Domainname: '',
          AttachStdin: false,
          AttachStdout: false,
          AttachStderr: false,
          Tty: false,
          OpenStdin: false,
          StdinOnce: false,
          Image: '',
        }
      : {}),
    User: '',
    Env: null,
    Cmd: null,
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
    ...Config,
  };
  // In docker's order: its client prints them as they come.
  return {
    Id,
    RepoTags,
    RepoDigests,
    Parent: image.Parent ?? '',
    Comment,
    Created,
    DockerVersion,
    Author,
    ...rest,
    ...(version < 44 ? { VirtualSize: image.Size } : {}),
    ...(version < 45 ? { Container: '', ContainerConfig: config } : {}),
    GraphDriver: { Name: 'oci-layout', Data: null },
    ...(version >= 48 ? { Descriptor } : {}),
    Config: config,
  };
}

/** `GET /images/{name}/history`: newest first; a step whose image is not known here is `<missing>`. */
export async function imageHistory(exchange: Exchange): Promise<Answer> {
  const { desk, name, signal } = exchange;
  const [platform] = exchange.platformJson(48);
  const steps = await history(desk.host, name, { platform, signal });
  return jsonAnswer(
    200,
    steps.map(({ id, created = '', created_by = '', tags, layer, comment = '' }) => ({
      Id: id ?? '<missing>',
      Created: Math.max(0, Math.floor((Date.parse(created) || 0) / 1000)),
      CreatedBy: created_by,
      Tags: tags.length > 0 ? tags : null,
      Size: layer?.descriptor.size ?? 0,
      Comment: comment,
    })),
  );
}
