import type { Container } from '../../containers/container.ts';
import type { ContainerImage } from '../../operations/container-images.ts';
import { version, type CmdletObject, type Value } from './cmdlet-object.ts';
import { imageObject } from './image-object.ts';
import { typeNames } from './views.ts';

/** The words of the Containers module for docker's. */
const states: Readonly<Record<Container['record']['state'], string>> = {
  created: 'Off',
  exited: 'Off',
  dead: 'Off',
  removing: 'Stopping',
  running: 'Running',
  paused: 'Paused',
  restarting: 'Starting',
};

/** One container. Its ContainerId is the guid that the first half of docker's id makes. */
export function containerObject({ record, document }: Container, image: ContainerImage | undefined): CmdletObject {
  return {
    typeName: typeNames.container,
    text: `Container (Name = '${record.name}') [Id = '${guidOf(record.id)}']`,
    properties: {
      Name: record.name,
      State: states[record.state],
      Uptime: { kind: 'timespan', text: '00:00:00' },
      ParentImageName: image?.name ?? record.image,
      ParentImageVersion: version(image?.version ?? ''),
      ContainerId: { kind: 'guid', text: guidOf(record.id) },
      ContainerName: record.name,
      Id: record.id,
      RuntimeType: document.host.Isolation.toLowerCase() === 'hyperv' ? 'HyperV' : 'Default',
      Created: record.created,
      get ParentImage(): Value {
        return image && imageObject(image);
      },
    },
  };
}

function guidOf(id: string): string {
  return [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20, 32)].join('-');
}
