import type { Act } from '../call.ts';
import { findItems } from '../find-items.ts';
import { itemObject } from '../item-object.ts';

export const findContainerImage: Act = async (call, shell) => {
  for (const item of await findItems(call, shell)) await shell.writeObject(itemObject(item));
};
