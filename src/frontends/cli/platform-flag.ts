import { ImageError, isImageError } from '../../errors.ts';
import { parsePlatformText } from '../../model/platform-text.ts';
import type { Platform } from '../../model/platform.ts';

/**
 * What --platform says; undefined where it says nothing.
 * @param before docker's client's words before its error, which are others for each command; undefined where it is docker's daemon that reads the flag
 * @throws ImageError `invalid-platform`, with docker's texts
 */
export function platformFlag(text: string | undefined, before?: string): Platform | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return parsePlatformText(text);
  } catch (cause) {
    if (!isImageError(cause)) throw cause;
    throw new ImageError(cause.code, `${before ?? ''}${cause.message}`, {
      hint: 'Write os/architecture[/variant][:os.version], as in linux/arm64 or windows/amd64:10.0.20348.1726.',
      detail: { ...cause.detail, ...(before === undefined ? {} : { plain: true }) },
      cause,
    });
  }
}
