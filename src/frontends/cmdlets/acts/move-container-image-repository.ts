import { isImageError } from '../../../errors.ts';
import { typedPath } from '../../../io/path-rules.ts';
import { moveStore } from '../../../operations/move-store.ts';
import type { Act } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import { hostObject } from '../host-object.ts';

export const moveContainerImageRepository: Act = async (call, shell) => {
  const path = typedPath(shell.cwd, call.text('Path') ?? '');
  if (!(await shell.shouldProcess(path, 'Move-ContainerImageRepository'))) return;
  const store = await call.host.store();
  const activity = 'Moving the container image repository';
  const moved = await moveStore({ store }, shell.env, path, {
    signal: shell.signal,
    onMove: ({ state, current, total }) =>
      shell.writeProgress({ id: 1, activity, status: state, percent: total === 0 ? undefined : (100 * current) / total }),
  }).catch((error: unknown) => {
    throw isImageError(error, 'conflict') ? pathExists(path) : error;
  });
  shell.writeProgress({ id: 1, activity, status: '', completed: true });
  await shell.writeVerbose(`The repository has moved from ${moved.from} to ${moved.to}.`);
  if (!moved.removed) await shell.writeWarning(`${moved.from} is still in use: it is removed when the repository is next opened.`);
  if (call.flag('Passthru')) await shell.writeObject(hostObject(store));
};

function pathExists(path: string): CmdletError {
  return new CmdletError({
    message: `Failed to move the container image repository.\nFailed to move the container image repository to '${path}': the path exists already.\nName a folder that is not there yet: the repository becomes that folder.`,
    id: 'PathExists',
    category: 'ResourceExists',
    exceptionType: 'IOException',
  });
}
