import type { ListedContainer } from '../../operations/list-containers.ts';

/** A row as docker's list has it. @param manifest what 1.48 brought to it */
export function containerRow(row: ListedContainer, manifest: boolean): object {
  const { ImageManifestDescriptor, SizeRw, ...rest } = row;
  return {
    ...rest,
    // Go leaves a zero out.
    ...(SizeRw ? { SizeRw } : {}),
    ...(manifest ? { ImageManifestDescriptor } : {}),
  };
}
