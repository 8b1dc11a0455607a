/** Something that happened to an image, a container or a volume, by any process. Order is `number`, never the clock. */
export interface StoreEvent {
  readonly number: number;
  readonly time: Date;
  readonly type: EventType;
  /** Docker's word: create, rename, destroy, commit; pull, push, tag, untag, delete, import, load, save … */
  readonly action: string;
  /** The container's id, the volume's name; for images the digest, for pull and push the reference. */
  readonly id: string;
  /** What docker's `Actor.Attributes` has: the name, labels. */
  readonly attributes: Readonly<Record<string, string>>;
}

export type EventType = 'image' | 'container' | 'volume' | 'network';

/** An event as whoever acts says it; the store adds its number and time. */
export type Happening = Pick<StoreEvent, 'type' | 'action' | 'id' | 'attributes'>;

/** What happened to an object that the call names itself. */
export interface Occurrence {
  readonly action: string;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}
