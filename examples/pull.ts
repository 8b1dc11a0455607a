/**
 * Pulls an image into a store of its own and says what it is.
 *
 *   node examples/pull.ts FOLDER IMAGE
 */
import { Image, ImageStore, familiar, formatPlatform, parseReference, pull, remote, selectPlatform, withDefaultTag } from 'bayplan';

const [folder = 'images', name = 'debian:12'] = process.argv.slice(2);

await using store = await ImageStore.open(folder);
const { root, changed } = await pull({ store, remote }, withDefaultTag(parseReference(name)));
const { root: manifest } = await selectPlatform(store, root);
const image = await Image.open(store, manifest);

console.log(`${name} is ${root.digest}${changed ? '' : ', as before'}`);
if (image.config?.platform)
  console.log(`for ${formatPlatform(image.config.platform)}, ${image.layers.length} layers, ${image.size} bytes packed`);
for (const { names, target } of await store.images())
  console.log(target.digest, names.map(({ reference }) => familiar(reference)).join(' '));
