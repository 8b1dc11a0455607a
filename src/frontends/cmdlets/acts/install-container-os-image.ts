import { fullName } from '../../../model/base-identity.ts';
import { installWim } from '../../../operations/install-wim.ts';
import { acceptLosses, warnOf } from '../accept-losses.ts';
import type { Act, Call } from '../call.ts';
import { eachOf } from '../each-of.ts';
import { existingPaths } from '../existing-paths.ts';
import { Expanding } from '../expanding.ts';
import type { Shell } from '../shell.ts';

export const installContainerOSImage: Act = async (call, shell) => {
  const paths: string[] = [];
  for (const path of call.texts('WimPath') ?? []) paths.push(...(await existingPaths(shell, path)));
  await eachOf(
    [paths],
    (files) => installOne(files, call, shell),
    shell,
    (files) => files.join(', '),
  );
};

async function installOne(paths: readonly string[], call: Call, shell: Shell): Promise<void> {
  if (!(await shell.shouldProcess(paths.join(', '), call.cmdlet.name))) return;
  const host = { store: await call.host.store(), containers: await call.host.containers() };
  using expanding = new Expanding(shell, paths[0] ?? '');
  const installed = await installWim(host, paths, {
    index: call.number('Index'),
    publisher: call.text('Publisher'),
    name: call.text('Name'),
    version: call.text('Version'),
    accept: acceptLosses(call, shell),
    signal: shell.signal,
    onExpanding: expanding.on,
  });
  await warnOf(installed, shell);
  await shell.writeVerbose(`${fullName(installed)} ${installed.changed ? 'is installed.' : 'was installed already.'}`);
}
