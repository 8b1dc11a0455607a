/**
 * Copies an image from a registry into an OCI folder, past any store: the one `copy` takes any source and any sink.
 *
 *   node examples/copy.ts REPOSITORY TAG FOLDER
 */
import { OciFolder, copy, isImageError, remote, validate } from 'bayplan';

const [repository = 'debian', tag = '12', folder = 'layout'] = process.argv.slice(2);

try {
  const from = remote(repository);
  const target = await from.resolve(tag);
  const to = await OciFolder.open(folder, { create: true });
  await copy(from, target, to, {
    onProgress: ({ target: piece, state }) => {
      if (state === 'done') console.log(piece.digest, piece.size);
    },
  });
  await to.tag(target, tag);
  console.log((await validate(to, target)).length === 0 ? 'whole' : 'not whole');
} catch (error) {
  if (!isImageError(error)) throw error;
  console.error(error.message, error.hint ?? '');
  process.exitCode = 1;
}
