/** The rows of the table that are about images of the store. */

import type { Cmdlet, Parameter } from './cmdlet.ts';
import { typeNames } from './views.ts';

const name = {
  name: 'Name',
  type: 'string',
  complete: 'image-name',
  wildcards: true,
  help: 'Name of the image, in any case. Wildcards are allowed.',
} as const satisfies Parameter;
const publisher = {
  name: 'Publisher',
  type: 'string',
  complete: 'image-publisher',
  wildcards: true,
  help: 'Who published it, as a distinguished name; Demo is CN=Demo.',
} as const satisfies Parameter;
const version = {
  name: 'Version',
  type: 'version',
  complete: 'image-version',
  help: 'Its version, one to four numbers; 1.0 is 1.0.0.0.',
} as const satisfies Parameter;

export const imageCmdlets: readonly Cmdlet[] = [
  {
    name: 'Get-ContainerImage',
    parameters: [
      { ...name, position: 0 },
      { ...publisher, position: 1 },
      { ...version, position: 2 },
      { name: 'ChildOf', type: 'ContainerImage', help: 'Only images that were made from this one.' },
    ],
    output: typeNames.image,
    synopsis: 'Lists the container images of this host.',
    description:
      "Lists base OS images and the images that were made from them, docker's too, one object for each image. IsOSImage tells them apart, ParentImage is what an image was made from, and References has the names that docker knows it by.",
    examples: [
      { line: 'Get-ContainerImage', text: 'All images: first those that were made from others, then the base OS images.' },
      { line: "Get-ContainerImage -Name 'Nano*'", text: 'Those whose name begins with Nano.' },
      { line: 'Get-ContainerImage | Select-Object Name, ParentImage', text: 'What each image was made from; empty for a base OS image.' },
    ],
    load: async () => (await import('./acts/get-container-image.ts')).getContainerImage,
  },
];
