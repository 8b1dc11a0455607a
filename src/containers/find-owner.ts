import { ImageError } from '../errors.ts';
import { readBytes } from '../io/verified.ts';
import type { ContainerFiles } from './container-files.ts';

/** What a file of users or groups may be at most. */
const maxBytes = 4 * 1024 * 1024;

/**
 * The numbers of a container's user, `name|uid[:group|gid]`, by the container's own files.
 * @throws ImageError `invalid-argument` for a name that is not in them
 */
export async function findOwner(files: ContainerFiles, user: string): Promise<{ readonly uid: number; readonly gid: number }> {
  const [name = '', group] = user.split(':', 2);
  const users = await rows(files, '/etc/passwd');
  const row = users.find((fields) => (/^\d+$/.test(name) ? fields[2] === name : fields[0] === name));
  const uid = Number(row?.[2] ?? name);
  let gid = Number(row?.[3] ?? 0);
  if (group !== undefined)
    gid = Number(/^\d+$/.test(group) ? group : (await rows(files, '/etc/group')).find(([one]) => one === group)?.[2]);
  if (!Number.isSafeInteger(uid) || !Number.isSafeInteger(gid))
    throw new ImageError(
      'invalid-argument',
      `failed to look up user ${JSON.stringify(user)} in container: no matching entries in ${Number.isSafeInteger(uid) ? 'group' : 'passwd'} file`,
    );
  return { uid, gid };
}

async function rows(files: ContainerFiles, path: string): Promise<readonly string[][]> {
  const located = files.union.lookup(path, { follow: true });
  if (located?.entry.type !== 'file' || located.entry.size > maxBytes) return [];
  const text = await readBytes(files.union.open(located.entry), maxBytes, path);
  return text
    .toString()
    .split('\n')
    .map((line) => line.split(':'));
}
