import { ImageError } from '../errors.ts';
export interface TarToApply {
  readonly folder: string;
}
export async function applyTar(_act: TarToApply, _signal: AbortSignal): Promise<void> {
  throw new ImageError('internal', 'being written');
}
