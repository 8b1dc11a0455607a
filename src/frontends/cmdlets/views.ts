/** How objects of one type are shown, in both shells. */
export interface View {
  readonly typeName: string;
  readonly columns: readonly {
    readonly property: string;
    /** Where it is not the property's name. */
    readonly header?: string;
    /** Cells. Where no column has one, each is as wide as what is in it. */
    readonly width?: number;
  }[];
}

export const typeNames = {
  image: 'Bayplan.ContainerImage',
  container: 'Bayplan.Container',
  host: 'Bayplan.ContainerHost',
  item: 'Bayplan.ContainerImageItem',
  source: 'Bayplan.ContainerImageSource',
  report: 'Bayplan.ContainerImageReport',
} as const;

const columns = (...properties: string[]): View['columns'] => properties.map((property) => ({ property }));

export const views: readonly View[] = [
  { typeName: typeNames.image, columns: columns('Name', 'Publisher', 'Version', 'IsOSImage') },
  { typeName: typeNames.container, columns: columns('Name', 'State', 'Uptime', 'ParentImageName') },
  { typeName: typeNames.host, columns: columns('Name', 'ContainerImageRepositoryLocation') },
  {
    typeName: typeNames.item,
    columns: [
      { property: 'Name', width: 20 },
      { property: 'Version', width: 23 },
      { property: 'Description', width: 50 },
    ],
  },
  { typeName: typeNames.source, columns: columns('Name', 'Kind', 'IsSigned', 'Location') },
  { typeName: typeNames.report, columns: columns('Name', 'Version', 'IsValid', 'Problems') },
];
