import { hostname } from 'node:os';
import type { ImageStore } from '../../store/image-store.ts';
import type { CmdletObject } from './cmdlet-object.ts';
import { typeNames } from './views.ts';

/** This machine, and where its images are. */
export function hostObject(store: Pick<ImageStore, 'path'>): CmdletObject {
  return {
    typeName: typeNames.host,
    text: `ContainerHost (Name = '${hostname()}')`,
    properties: { Name: hostname(), ContainerImageRepositoryLocation: store.path },
  };
}
