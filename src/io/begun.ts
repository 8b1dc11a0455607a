import type { Readable } from 'node:stream';

/** Waits for a stream's first bytes, or its end. What fails before is thrown: the reader may still be told in another way than by a stream that breaks off. */
export async function begun<Stream extends Readable>(stream: Stream): Promise<Stream> {
  if (stream.errored) throw stream.errored;
  if (stream.destroyed || stream.readableLength > 0) return stream;
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error): void => {
      stream.off('readable', onReadable).off('error', settle).off('close', onClose);
      if (error) reject(error);
      else resolve();
    };
    const onReadable = (): void => settle();
    const onClose = (): void => settle();
    stream.on('readable', onReadable).on('error', settle).on('close', onClose);
  });
  return stream;
}
