import { createdAt } from '../../operations/image-filter.ts';
import type { ContainerImage } from '../../operations/container-images.ts';
import { fullName } from '../../model/base-identity.ts';
import { objectText, version, type CmdletObject, type Value } from './cmdlet-object.ts';
import { typeNames } from './views.ts';

/** One image. What costs more than a look at its row is read when somebody looks at it. */
export function imageObject(image: ContainerImage): CmdletObject {
  const { record, parent } = image;
  return {
    typeName: typeNames.image,
    text: imageText(image),
    properties: {
      Name: image.name,
      Publisher: image.publisher,
      Version: version(image.version),
      IsOSImage: image.isOsImage,
      get ParentImage(): Value {
        return parent && imageObject(parent);
      },
      FullName: fullName(image),
      IsDeleted: record === undefined,
      PublisherSource: image.publisherSource,
      Id: image.digest,
      References: image.references,
      get Size(): Value {
        return record?.size;
      },
      get Created(): Value {
        const created = createdAt(record);
        return Number.isFinite(created) ? new Date(created) : undefined;
      },
    },
  };
}

/** As the Containers module writes an image into a string. */
export function imageText({ name, publisher, version: number }: Pick<ContainerImage, 'name' | 'publisher' | 'version'>): string {
  return objectText('ContainerImage', name, { Publisher: publisher, Version: number });
}
