/** What a WIM has and an image cannot have, or the other way round: counted before anything is written, so that it can be said before it is lost. */

interface Kind {
  /** Whether whoever asks for it must agree: what is not asked is kept for the way back, or is nothing that anybody would miss. */
  readonly asks: boolean;
  /** Of one, and of so many. */
  readonly one: string;
  readonly many: string;
}

const kept = 'kept for saving it as a WIM again, and nowhere else';

/** From a WIM to an image. */
const intoImage = {
  'reparse-points': {
    asks: true,
    one: 'a reparse point that is no link is an ordinary file or folder for everybody but Bayplan',
    many: '# reparse points that are no links are ordinary files and folders for everybody but Bayplan',
  },
  'link-data': { asks: true, one: 'the data of a link is lost', many: 'the data of # links is lost' },
  'linux-streams': {
    asks: true,
    one: 'a named stream is lost: Linux has none',
    many: '# named streams are lost: Linux has none',
  },
  'root-streams': { asks: true, one: 'a named stream of the root is lost', many: '# named streams of the root are lost' },
  'hive-links': {
    asks: true,
    one: "a hard link among the registry's files becomes a file of its own",
    many: "# hard links among the registry's files become files of their own",
  },
  sockets: { asks: false, one: 'a socket is left out: no layer has any', many: '# sockets are left out: no layer has any' },
  'short-names': { asks: false, one: `a short name is ${kept}`, many: `# short names are ${kept}` },
  items: {
    asks: false,
    one: `an object id, flags of attributes or unknown items of a file are ${kept}`,
    many: `object ids, flags of attributes or unknown items of # files are ${kept}`,
  },
  descriptors: {
    asks: false,
    one: `a security descriptor in a Linux tree is ${kept}`,
    many: `# security descriptors in a Linux tree are ${kept}`,
  },
  'no-owners': {
    asks: false,
    one: "a file has no owner and mode in the WIM: it is root's, and not to be executed",
    many: "# files have no owner and mode in the WIM: they are root's, folders 0755, others 0644 and not to be executed",
  },
} as const satisfies Record<string, Kind>;

/** From an image to a WIM. */
const intoWim = {
  'link-groups': {
    asks: false,
    one: 'a symbolic link of several names becomes one for each',
    many: '# symbolic links of several names become one for each',
  },
  times: {
    asks: false,
    one: 'the times of a file are cut to what a WIM has: units of 100 ns, from 1601 on',
    many: 'the times of # files are cut to what a WIM has: units of 100 ns, from 1601 on',
  },
  attributes: {
    asks: true,
    one: 'an extended attribute with a name of more than 255 bytes or a value of more than 65535 is lost',
    many: '# extended attributes with names of more than 255 bytes or values of more than 65535 are lost',
  },
  'odd-descriptors': {
    asks: true,
    one: 'a security descriptor that is not understood is lost',
    many: '# security descriptors that are not understood are lost',
  },
  'not-for-windows': {
    asks: false,
    one: 'a name can be on no Windows: there the file cannot be unpacked whole',
    many: '# names can be on no Windows: there the file cannot be unpacked whole',
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
  /** What becomes of it, as a part of a sentence. */
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
    const example = path || '/';
    if (found.examples.length < shown && found.examples.at(-1) !== example) found.examples.push(example);
  }

  list(): WimLoss[] {
    return [...this.#found].map(([kind, { count, examples }]) => {
      const { asks, one, many } = this.#kinds[kind]!;
      return { kind, count, examples, asks, text: count === 1 ? one : many.replace('#', String(count)) };
    });
  }
}
