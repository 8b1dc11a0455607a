import type { InspectedVolume } from '../../operations/inspect-volume.ts';
import { labelField, type Field } from './list.ts';

/** What templates and columns can name of a volume. */
export const volumeFields = {
  Availability: { title: 'AVAILABILITY', value: () => 'N/A' },
  Driver: { title: 'DRIVER', value: ({ Driver }) => Driver },
  Group: { title: 'GROUP', value: () => 'N/A' },
  Label: labelField(({ Labels }: InspectedVolume) => Labels),
  Labels: {
    title: 'LABELS',
    value: ({ Labels }) =>
      Object.entries(Labels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
  },
  Links: { title: 'LINKS', value: () => 'N/A' },
  Mountpoint: { title: 'MOUNTPOINT', value: ({ Mountpoint }) => Mountpoint },
  Name: { title: 'VOLUME NAME', value: ({ Name }) => Name },
  Scope: { title: 'SCOPE', value: ({ Scope }) => Scope },
  Size: { title: 'SIZE', value: () => 'N/A' },
  Status: { title: 'STATUS', value: () => 'N/A' },
} satisfies Record<string, Field<InspectedVolume>>;
