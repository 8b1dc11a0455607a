/** Go's zero time: what docker's documents have where there is none. */
export const zeroTime = '0001-01-01T00:00:00Z';
