import type { Operation } from '../io/operation.ts';
import type { Descriptor } from '../model/descriptor.ts';
import type { ImageSink } from './image-sink.ts';
import type { ImageSource } from './image-source.ts';

/** A sink that also takes what has no known digest yet, and gives back what it has taken before it is named: the store under a lease is one, a folder another. */
export interface Intake extends ImageSink, Pick<ImageSource, 'open'> {
  add(mediaType: string, body: AsyncIterable<Uint8Array>, options?: Operation): Promise<Descriptor>;
}
