/** The public library, by name. test/surface.test.ts holds the list: what is not there is not promised. */
export { ImageError, type ErrorCode } from './errors.ts';
