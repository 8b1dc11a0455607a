import type { Act } from '../call.ts';
import { moduleFolders, type ModuleScope } from '../module-folders.ts';
import { checkProviderName, isInstalled, moduleFiles, moduleFolder, putModule } from '../provider-module.ts';

/** Puts the PowerShell module where each PowerShell of this system finds it. Writes nothing, as on the page. */
export const installPackageProvider: Act = async (call, shell) => {
  const name = call.text('Name') ?? '';
  checkProviderName(name);
  const scope: ModuleScope = call.text('Scope')?.toLowerCase() === 'allusers' ? 'AllUsers' : 'CurrentUser';
  const files = moduleFiles();
  const folders = moduleFolders(scope, shell.env).map(moduleFolder);
  const missing = call.flag('Force') ? folders : folders.filter((folder) => !isInstalled(folder, files));
  if (missing.length === 0) {
    await shell.writeHost(`The package provider '${name}' is installed already: ${folders.join(', ')}. -Force installs it again.`);
    return;
  }
  if (!(await shell.shouldProcess(`Package Provider '${name}'`, 'Install Package Provider'))) return;
  for (const folder of missing) {
    await putModule(folder, files);
    await shell.writeVerbose(`Installed provider '${folder}'.`);
  }
};
