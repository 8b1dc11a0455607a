import type { WimNode } from '../formats/wim/wim-tree.ts';

/** Names in one piece of memory. */
const pieceSize = 4096;

interface Piece {
  readonly folders: Uint32Array;
  /** Numbers of any size, as metadata may be large. */
  readonly places: Float64Array;
  readonly values: Uint32Array;
}

/** Names below folders, as numbers: an image has hundreds of thousands. In pieces, as a list that grows in one would be there twice. */
export class NameList {
  readonly #pieces: Piece[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * @param folder its number among folders
   * @param value that its list says the meaning of
   * @returns its number
   */
  add(folder: number, { at }: Pick<WimNode, 'at'>, value = 0): number {
    const number = this.#length++;
    const place = number % pieceSize;
    if (place === 0)
      this.#pieces.push({
        folders: new Uint32Array(pieceSize),
        places: new Float64Array(pieceSize),
        values: new Uint32Array(pieceSize),
      });
    const { folders, places, values } = this.#piece(number);
    folders[place] = folder;
    places[place] = at;
    values[place] = value;
    return number;
  }

  folder(number: number): number {
    return this.#piece(number).folders[number % pieceSize] as number;
  }

  /** Where its node is in the tree. */
  place(number: number): number {
    return this.#piece(number).places[number % pieceSize] as number;
  }

  value(number: number): number {
    return this.#piece(number).values[number % pieceSize] as number;
  }

  /** All values, in their order. */
  values(): Uint32Array {
    const all = new Uint32Array(this.#length);
    for (let number = 0; number < all.length; number++) all[number] = this.value(number);
    return all;
  }

  #piece(number: number): Piece {
    return this.#pieces[Math.floor(number / pieceSize)] as Piece;
  }
}
