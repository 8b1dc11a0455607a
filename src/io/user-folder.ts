import { homedir, userInfo } from 'node:os';
import { isAbsolute, parse } from 'node:path';

/**
 * The user's own folder. A `HOME` that is empty is as none, for docker and podman too: else it would be the current folder, another one each time.
 * The root for a user whom the system does not know, as in docker's containers.
 */
export function userFolder(): string {
  for (const ask of [homedir, () => userInfo().homedir]) {
    try {
      const folder = ask();
      if (isAbsolute(folder)) return folder;
    } catch {
      // a number without a name, and no HOME
    }
  }
  return parse(process.cwd()).root;
}
