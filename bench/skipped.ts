/** A row cannot be measured here: the message says why, and stands in its place. */
export class Skipped extends Error {}
