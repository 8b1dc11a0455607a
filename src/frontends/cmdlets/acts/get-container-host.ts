import type { Act } from '../call.ts';
import { hostObject } from '../host-object.ts';

export const getContainerHost: Act = async (call, shell) => {
  await shell.writeObject(hostObject(await call.host.store()));
};
