import { resolve, win32 } from 'node:path';

import { ImageError } from '../errors.ts';

/** Names that are devices in every folder, with any ending (learn.microsoft.com, "Naming Files, Paths, and Namespaces"). */
const device = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|$)/i;

// oxlint-disable-next-line no-control-regex -- the rule is about them
const forbidden = /[<>:"|?*\u0000-\u001f]/;

/**
 * Refuses a path that we are told to write where Windows would make something else of it: a device (`NUL`), another file's stream (`a:b`), a name without its
 * last dot. Node asks the system past its usual checks, so such a file could come to be, and Explorer could neither open nor delete it.
 * @param path absolute
 * @throws ImageError `invalid-argument`
 */
export function refuseOddPath(path: string, system: NodeJS.Platform = process.platform): void {
  if (system !== 'win32') return;
  const refuse = (why: string) =>
    new ImageError('invalid-argument', `cannot write ${path}: ${why}`, { hint: 'Choose another name.', detail: { path } });
  if (/^[\\/]{2}\.[\\/]/.test(path)) throw refuse('it is a device');
  for (const name of path.slice(win32.parse(path).root.length).split(/[\\/]/)) {
    const [letter] = forbidden.exec(name) ?? [];
    if (letter !== undefined) throw refuse(`Windows does not allow ${JSON.stringify(letter)} in the name ${JSON.stringify(name)}`);
    if (device.test(name)) throw refuse(`${JSON.stringify(name)} is a device on Windows`);
    if (/[. ]$/.test(name)) throw refuse(`Windows does not allow a dot or a space at the end of the name ${JSON.stringify(name)}`);
  }
}

/**
 * The whole path of what somebody has typed as a path to write to. An address would be taken for a path in a folder called `http:`.
 * @throws ImageError `invalid-argument` for an address
 */
export function typedPath(cwd: string, typed: string): string {
  // A single letter is a drive of Windows.
  const [, scheme] = /^([a-z][a-z0-9+.-]+):[\\/]{2}/i.exec(typed) ?? [];
  if (scheme === undefined) return resolve(cwd, typed);
  throw new ImageError('invalid-argument', `cannot write ${typed}: it is an address, not a path`, {
    hint: 'Name a path on a disk of this machine.',
    detail: { path: typed },
  });
}
