/** The one table of cmdlets: both shells, their help and their completion are made from it. */

import type { Cmdlet } from './cmdlet.ts';
import { catalogCmdlets } from './catalog-cmdlets.ts';
import { containerCmdlets } from './container-cmdlets.ts';
import { imageCmdlets } from './image-cmdlets.ts';
import { providerCmdlets } from './provider-cmdlets.ts';
import { sourceCmdlets } from './source-cmdlets.ts';

export const cmdlets: readonly Cmdlet[] = [...catalogCmdlets, ...imageCmdlets, ...containerCmdlets, ...sourceCmdlets, ...providerCmdlets];

/** By its name or an alias, in any case. */
export function findCmdlet(word: string): Cmdlet | undefined {
  const wanted = word.toLowerCase();
  return cmdlets.find(({ name, aliases = [] }) => [name, ...aliases].some((one) => one.toLowerCase() === wanted));
}
