import type { Wim } from '../formats/wim/wim.ts';
import type { WimBlob } from '../formats/wim/wim-entry.ts';
import type { ReadBlobs } from './wim-plan.ts';

/** Bytes handed out at once: fewer than a tar passes on without a copy, which they would not outlive. */
const slice = 128 << 10;

type Piece = Awaited<ReturnType<ReturnType<Wim['decode']>['next']>>['value'] extends (infer P)[] | void ? P : never;

/** The contents of an open WIM, without a copy of them: decoded ahead, each verified before its body ends. */
export function wimContents(wim: Pick<Wim, 'decode'>, signal: AbortSignal | undefined): ReadBlobs {
  return (blobs) => contents(wim, blobs, signal);
}

async function* contents(
  wim: Pick<Wim, 'decode'>,
  blobs: Iterable<WimBlob>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ blob: WimBlob; body: Iterable<Uint8Array> | AsyncIterable<Uint8Array> }, void, undefined> {
  const steps = wim.decode(asked(blobs), { signal });
  let pieces: Piece[] = [];
  let at = 0;
  const next = async (): Promise<Piece | undefined> => {
    while (at === pieces.length) {
      const step = await steps.next();
      if (step.done) return undefined;
      [pieces, at] = [step.value, 0];
    }
    return pieces[at++];
  };
  try {
    for (let piece = await next(); piece; piece = await next()) {
      const { blob } = piece.asked;
      if (piece.isLast) {
        yield { blob, body: sliced(piece.bytes) };
        continue;
      }
      const state = { isOver: false };
      yield { blob, body: rest(piece, next, state) };
      // What was left of it is passed over.
      while (!state.isOver) state.isOver = (await next())?.isLast ?? true;
    }
  } finally {
    await steps.return();
  }
}

function* asked(blobs: Iterable<WimBlob>): Generator<{ blob: WimBlob; row: number | undefined }, void, undefined> {
  for (const blob of blobs) yield { blob, row: blob.row };
}

export function* sliced(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += slice) yield bytes.subarray(at, at + slice);
}

async function* rest(
  first: Piece,
  next: () => Promise<Piece | undefined>,
  state: { isOver: boolean },
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let piece: Piece | undefined = first; piece; piece = await next()) {
    state.isOver = piece.isLast;
    yield* sliced(piece.bytes);
    if (piece.isLast) return;
  }
  state.isOver = true;
}
