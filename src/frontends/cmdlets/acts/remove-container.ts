import { hasWildcard, wildcard } from '../../../model/wildcard.ts';
import { removeContainer } from '../../../operations/remove-container.ts';
import type { Host } from '../../../operations/host.ts';
import type { Act } from '../call.ts';
import type { Value } from '../cmdlet-object.ts';
import { containerObject } from '../container-object.ts';
import { errorRecord } from '../error-record.ts';
import { containerOf } from '../find-container.ts';
import { containerImages } from '../../../operations/container-images.ts';

export const removeContainerAct: Act = async (call, shell) => {
  const host = { store: await call.host.store(), containers: await call.host.containers() };
  for (const value of [...call.values('Container'), ...(await meant(host, call.values('Name')))])
    try {
      const container = await containerOf(host, value);
      const { id, name, target } = container.record;
      if (!(await shell.shouldProcess(name, 'Remove-Container'))) continue;
      const [image] = call.flag('Passthru') ? await containerImages(host, { digest: target.digest }) : [];
      const removed = containerObject(container, image);
      await removeContainer(host, id, { force: call.flag('Force') });
      if (call.flag('Passthru')) await shell.writeObject(removed);
    } catch (error) {
      if (shell.signal.aborted) throw error;
      await shell.writeError(errorRecord(error));
    }
};

/** A pattern that nothing fits is nothing to do; a name that nothing has is an error of its own later. */
async function meant(host: Pick<Host, 'containers'>, names: readonly Value[]): Promise<readonly Value[]> {
  const found: Value[] = [];
  for (const name of names) {
    // The text of an object that was piped here has brackets too, and is no pattern of anything.
    if (typeof name !== 'string' || !hasWildcard(name) || !/^[\w.*?[\]-]+$/.test(name)) {
      found.push(name);
      continue;
    }
    const matches = wildcard(name);
    for (const { record } of await host.containers.list()) if (matches(record.name)) found.push(record.id);
  }
  return found;
}
