/** What a WIM has and an image cannot have, or the other way round: counted before anything is written, so that it can be said before it is lost. */

interface Kind {
  /** Whether whoever asks for it must agree: what is not asked is kept for the way back, or is nothing that anybody would miss. */
  readonly asks: boolean;
  readonly text: (count: string) => string;
}

const some = (one: string, many: string) => (count: string) => `${count} ${count === '1' ? one : many}`;

/** From a WIM to an image. */
const intoImage = {
  'reparse-points': {
    asks: true,
    text: (count) =>
      `${some('reparse point that is no link', 'reparse points that are no links')(count)}: kept for saving it as a WIM again, and plain files or folders everywhere else`,
  },
  'link-data': { asks: true, text: (count) => `the data of ${some('link', 'links')(count)}` },
  'linux-streams': { asks: true, text: (count) => `${some('named stream', 'named streams')(count)}, which Linux has not` },
  'root-streams': { asks: true, text: (count) => `${some('named stream', 'named streams')(count)} of the root` },
  'hive-links': {
    asks: true,
    text: (count) => `${some('hard link', 'hard links')(count)} among the registry's files, which become files of their own`,
  },
  sockets: { asks: false, text: (count) => `${some('socket', 'sockets')(count)}: no layer has them` },
  'short-names': {
    asks: false,
    text: (count) => `${some('short name', 'short names')(count)}: kept for saving it as a WIM again, and nowhere else`,
  },
  items: {
    asks: false,
    text: (count) =>
      `${some('entry', 'entries')(count)} with object ids, flags of attributes or unknown items: kept for saving it as a WIM again, and nowhere else`,
  },
  descriptors: {
    asks: false,
    text: (count) =>
      `${some('security descriptor', 'security descriptors')(count)} in a Linux tree: kept for saving it as a WIM again, and nowhere else`,
  },
  'no-owners': {
    asks: false,
    text: (count) =>
      `${some('entry', 'entries')(count)} without owner and mode: they are root's, folders 0755, files 0644 and not to be executed`,
  },
} as const satisfies Record<string, Kind>;

/** From an image to a WIM. */
const intoWim = {
  'link-groups': {
    asks: false,
    text: (count) => `${some('symbolic link', 'symbolic links')(count)} of several names, which become links of their own`,
  },
  times: { asks: false, text: (count) => `parts of ${some('time', 'times')(count)}: a WIM counts in units of 100 ns, from 1601 on` },
  attributes: { asks: true, text: (count) => `${some('extended attribute', 'extended attributes')(count)} of more than 65535 bytes` },
  descriptors: {
    asks: true,
    text: (count) => `${some('security descriptor', 'security descriptors')(count)} in a form that is not understood`,
  },
  twins: {
    asks: false,
    text: (count) => `nothing, but ${some('name', 'names')(count)} that no Windows can hold: there the file cannot be unpacked`,
  },
} as const satisfies Record<string, Kind>;

export type WimLossKind = keyof typeof intoImage | keyof typeof intoWim;

export interface WimLoss {
  readonly kind: WimLossKind;
  readonly count: number;
  /** A few of the paths. */
  readonly examples: readonly string[];
  /** It is gone for good, or for everybody but us: whoever asks for it is to agree. */
  readonly asks: boolean;
  /** What is lost, as a part of a sentence. */
  readonly text: string;
}

const shown = 5;

export class WimLosses {
  readonly #kinds: Readonly<Record<string, Kind>>;
  readonly #found = new Map<WimLossKind, { count: number; examples: string[] }>();

  constructor(direction: 'into-image' | 'into-wim') {
    this.#kinds = direction === 'into-image' ? intoImage : intoWim;
  }

  add(kind: WimLossKind, path: string, count = 1): void {
    if (count === 0) return;
    const found = this.#found.get(kind) ?? { count: 0, examples: [] };
    this.#found.set(kind, found);
    found.count += count;
    if (found.examples.length < shown && found.examples.at(-1) !== path) found.examples.push(path);
  }

  list(): WimLoss[] {
    return [...this.#found].map(([kind, { count, examples }]) => {
      const { asks, text } = this.#kinds[kind]!;
      return { kind, count, examples, asks, text: text(String(count)) };
    });
  }
}
