/** The version of this product. */
export { version as release } from '../../version.ts';
