import type { Act } from '../call.ts';
import { CmdletError } from '../cmdlet-error.ts';
import { moduleFolders, type ModuleScope } from '../module-folders.ts';
import { checkProviderName, moduleFolder, removeModule } from '../provider-module.ts';

/** Takes the PowerShell module away again. The store and its images stay. */
export const uninstallPackageProvider: Act = async (call, shell) => {
  const name = call.text('Name') ?? '';
  checkProviderName(name);
  const scope: ModuleScope = call.text('Scope')?.toLowerCase() === 'allusers' ? 'AllUsers' : 'CurrentUser';
  const folders = moduleFolders(scope, shell.env).map(moduleFolder);
  if (!(await shell.shouldProcess(`Package Provider '${name}'`, 'Uninstall Package Provider'))) return;
  let removed = false;
  for (const folder of folders) {
    if (!(await removeModule(folder))) continue;
    removed = true;
    await shell.writeVerbose(`Removed provider '${folder}'.`);
  }
  if (!removed)
    throw new CmdletError({
      message: `The package provider '${name}' is not installed in ${folders.join(', ')}.`,
      id: 'UnknownProvider',
      category: 'ObjectNotFound',
      target: name,
      exceptionType: 'ItemNotFoundException',
    });
};
