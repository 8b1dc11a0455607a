import { validate } from '../../../content/validate.ts';
import { fullName } from '../../../model/base-identity.ts';
import type { Act } from '../call.ts';
import { version } from '../cmdlet-object.ts';
import { findImages } from '../find-image.ts';
import { typeNames } from '../views.ts';

export const testContainerImage: Act = async (call, shell) => {
  const store = await call.host.store();
  for (const image of await findImages({ store }, call)) {
    if (!image.record) continue;
    shell.writeProgress({ id: 1, activity: 'Testing container image', status: image.name });
    const faults = await validate(store, image.record.target, { diffIds: true, signal: shell.signal });
    await shell.writeObject({
      typeName: typeNames.report,
      text: `ContainerImageReport (Name = '${image.name}') [IsValid = '${faults.length === 0 ? 'True' : 'False'}']`,
      properties: {
        Name: image.name,
        Publisher: image.publisher,
        Version: version(image.version),
        FullName: fullName(image),
        IsValid: faults.length === 0,
        Problems: faults.map(({ target, message }) => `${target.digest}: ${message}`),
        Id: image.digest,
      },
    });
  }
  shell.writeProgress({ id: 1, activity: 'Testing container image', status: '', completed: true });
};
