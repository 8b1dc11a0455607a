import type { Container } from '../../../containers/container.ts';
import { hasWildcard, wildcard } from '../../../model/wildcard.ts';
import type { Host } from '../../../operations/host.ts';
import type { Act } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import { errorRecord } from '../error-record.ts';
import { containerOf, isGuid, nameInObject } from '../find-container.ts';
import type { Shell } from '../shell.ts';
import { writeContainers } from '../write-containers.ts';

export const getContainer: Act = async (call, shell) => {
  const host = { store: await call.host.store(), containers: await call.host.containers() };
  const [id] = call.values('Id');
  if (id !== undefined) {
    await writeContainers(host, [await containerOf(host, id)], shell);
    return;
  }
  const all = (await host.containers.list()).toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const names = call.texts('Name');
  if (!names) {
    await writeContainers(host, all, shell);
    return;
  }
  const found = new Set<Container>();
  for (const name of names) for (const container of await named(host, all, nameInObject(name), shell)) found.add(container);
  await writeContainers(host, [...found], shell);
};

/** A name that is no pattern and that nothing has is an error; the others go on. */
async function named(host: Pick<Host, 'containers'>, all: readonly Container[], name: string, shell: Shell): Promise<readonly Container[]> {
  if (hasWildcard(name)) {
    const matches = wildcard(name);
    return all.filter((container) => matches(container.name));
  }
  const found = all.filter((container) => container.name.toLowerCase() === name.toLowerCase());
  // What pipes a ContainerId means -Id, which PowerShell takes from no text.
  if (found.length === 0 && isGuid(name)) return [await containerOf(host, name)];
  if (found.length === 0)
    await shell.writeError(
      errorRecord(
        new CmdletError({
          message: `A container was not found: '${name}'.\nGet-Container lists the containers of this host.`,
          id: 'ContainerNotFound',
          category: 'ObjectNotFound',
          target: name,
          exceptionType: 'ItemNotFoundException',
        }),
      ),
    );
  return found;
}
