/** Measures us and a peer in turns, so that whatever else the machine does meets both: one round to warm up, then A B A B … */
export async function paired<T>(
  rounds: number,
  ours: (round: number) => Promise<T>,
  theirs: (round: number) => Promise<T>,
): Promise<{ readonly ours: readonly T[]; readonly theirs: readonly T[] }> {
  const samples = { ours: [] as T[], theirs: [] as T[] };
  for (let round = 0; round <= rounds; round++) {
    const our = await ours(round);
    const their = await theirs(round);
    if (round === 0) continue;
    samples.ours.push(our);
    samples.theirs.push(their);
  }
  return samples;
}
