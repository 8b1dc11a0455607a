import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isImageError } from '../../errors.ts';
import { ChunkDecoder, DecoderMemory, type ChunkCodec } from './chunk-decoder.ts';
import { chunkEncoder } from './chunk-encoder.ts';

const memory = new DecoderMemory(2 ** 22, 1);
const decoder = new ChunkDecoder(memory);

function decode(codec: ChunkCodec, packed: Uint8Array, size: number, chunkSize = 32_768): Buffer {
  const { window } = memory;
  window.set(packed);
  // What lies behind the source is another's, and further behind the target than a decoder may write must stay as it is.
  const behind = window.subarray(packed.length, packed.length + 24).fill(0x5a);
  const target = (memory.targets[0] as Uint8Array).subarray(0, size + 24).fill(0xa5);
  try {
    decoder.decode(codec, chunkSize, window.byteOffset, packed.length, target.byteOffset, size);
  } finally {
    assert.ok(target.subarray(size + 16).every((byte) => byte === 0xa5));
    assert.ok(behind.every((byte) => byte === 0x5a));
  }
  return Buffer.from(target.subarray(0, size));
}

function refused(codec: ChunkCodec, packed: Uint8Array, size: number, why: RegExp): void {
  assert.throws(
    () => decode(codec, packed, size),
    (error) => {
      assert.ok(isImageError(error, 'invalid-content'), String(error));
      assert.match(error.message, why);
      return true;
    },
  );
}

const abc = Buffer.from('abc'.repeat(100));

/** 1057 bytes. */
const lzmsChunk = Buffer.from(
  '1965346fede49fae5125abb71e108362377c27f0314b5df5767b0d3369d44cd93325da4d48bd0dec1f18c942d13f0cdde191b9677d823e83032c05bce811095fe0b80000f8da81b8d0a58198bd8190b9958194a151c13081785d59180417baa5604d5822d68d2565cd599ad6b1a56fcd5872d6ad25604d59aad681a5664d5b42d6ad2563cd5a3ad6b16549cb9ab724ad4b3796b835692959980e2c656bd212b3acad6112d6bca56d1d5bbad6ac256bdd5ac2d6b49549dd3ab054ac294bd0bab5e4ad194bcf3ab634ac394bdabab144ad094bd13ab014ad094bd4bab1a4ad394bc33ab6f42c94672c79ebd612b4a62c956ae3c052b7a62d61ebd692b5662d5debd8d2b6e62d09ebc612b3262d65ebc052b2262d71ebc692b4e62d2debd8d2b166ad4a32d6ad25644d5b6ad681a56a4d599604ac5b4bae0a98b1f4ad634bd39ab3a4ac1b4bc49ab02e850ae0c01f636261',
  'hex',
);

/** An XPRESS chunk: bytes of the lengths' table by their places, and what follows. */
function xpress(table: Readonly<Record<number, number>>, data: string): Buffer {
  const bytes = Buffer.alloc(256);
  for (const [place, value] of Object.entries(table)) bytes[Number(place)] = value;
  return Buffer.concat([bytes, Buffer.from(data, 'hex')]);
}

test('XPRESS decodes the examples of its specification', () => {
  const letters: Record<number, number> = { 48: 0x50, 59: 0x45, 60: 0x44, 61: 0x04, 128: 0x04 };
  for (let place = 49; place < 59; place++) letters[place] = 0x55;
  const packed = xpress(letters, 'd8523ed794115be9195ff9d67cdf8d0400000000');
  assert.equal(decode('xpress', packed, 26).toString(), 'abcdefghijklmnopqrstuvwxyz');
  assert.deepEqual(decode('xpress', xpress({ 48: 0x30, 49: 0x23, 128: 0x02, 143: 0x20 }, 'a8dc0000ff2601'), 300), abc);
});

test('LZX decodes what another program accepts', () => {
  const packed = '122000c20000000003000130da07bedbf5fb000000000000010008011767fb3e80ed00000000000011001708fb3ef1ef5a6e';
  assert.deepEqual(decode('lzx', Buffer.from(packed, 'hex'), 300), abc);
});

test('LZMS decodes matches, deltas and calls of x86 code as another program packed them', () => {
  const counters = Buffer.alloc(512);
  for (let i = 0; i < 128; i++) counters.writeUInt32LE(3 * i * i + 7, 4 * i);
  const calls = Buffer.alloc(200, 0xe8);
  for (let i = 0; i < 40; i++) calls.writeInt32LE(5000 - 812 - 5 * i, 5 * i + 1);
  const bytes = Buffer.concat([abc, counters, calls, Buffer.from('The end of it. '.repeat(3))]);
  assert.deepEqual(decode('lzms', lzmsChunk, bytes.length, 131_072), bytes);
});

test('XPRESS refuses codes that are no codes, and matches that lead out', () => {
  const lengths = { 48: 0x30, 49: 0x23, 128: 0x02, 143: 0x20 };
  const data = 'a8dc0000ff2601';
  refused('xpress', Buffer.alloc(259), 10, /shorter than the lengths/);
  refused('xpress', xpress({}, '00000000'), 10, /a symbol of an empty code/);
  refused('xpress', xpress({ 48: 0x10 }, '00000000'), 10, /not complete/);
  refused('xpress', xpress({ ...lengths, 50: 0x01 }, data), 300, /not complete/);
  refused('xpress', xpress(lengths, data), 299, /passes the end/);
  refused('xpress', xpress(lengths, 'a8dc0000ff0e00'), 300, /length of a match is wrong/);
  refused('xpress', xpress(lengths, 'a8dc0000ff26'), 300, /ends too early/);
  // The match comes first: two codes of one bit, `a` and a match of offset 1.
  refused('xpress', xpress({ 48: 0x10, 128: 0x10 }, 'ffffffff'), 300, /before the chunk/);
});

/** Bits in units of 16, the first in the highest; bytes between them. */
class Bits {
  readonly #units: number[] = [];
  #bits = '';

  put(value: number, width: number): this {
    this.#bits += value.toString(2).padStart(width, '0');
    return this;
  }

  /** What the bits have begun is filled, or a whole unit where they have begun none. */
  bytes(bytes: Uint8Array): this {
    this.#end(true);
    this.#units.push(...bytes);
    return this;
  }

  #end(isWhole: boolean): void {
    const missing = 16 - (this.#bits.length % 16);
    if (missing < 16 || isWhole) this.#bits += '0'.repeat(missing);
    for (const [unit] of this.#bits.matchAll(/.{16}/g))
      this.#units.push(Number.parseInt(unit.slice(8), 2), Number.parseInt(unit.slice(0, 8), 2));
    this.#bits = '';
  }

  get length(): number {
    return this.#bits.length;
  }

  done(): Buffer {
    this.#end(false);
    return Buffer.from(this.#units);
  }
}

const zeroRun = (bits: Bits, zeros: number) => bits.put(0, 1).put(zeros - 20, 5);

/** A pretree of three codes: a run of zeros `0`, a zero `10`, a length of 1 `11`. */
function pretree(bits: Bits): Bits {
  for (let symbol = 0; symbol < 20; symbol++) bits.put(symbol === 18 ? 1 : symbol === 0 || symbol === 16 ? 2 : 0, 4);
  return bits;
}

/** A verbatim block of LZX whose main code has `a` and one symbol more, of one bit each. */
function verbatim(bits: Bits, size: number, other: number): Bits {
  bits.put(1, 3).put(0, 1).put(size, 16);
  const part = (lengths: readonly number[]) => {
    pretree(bits);
    for (let i = 0; i < lengths.length;) {
      if (lengths[i] === 1) {
        bits.put(3, 2);
        i++;
        continue;
      }
      let end = i;
      while (end < lengths.length && end < i + 51 && lengths[end] === 0) end++;
      if (end - i >= 20) {
        zeroRun(bits, end - i);
        i = end;
      } else {
        bits.put(2, 2);
        i++;
      }
    }
  };
  const main = Array.from({ length: 496 }, (_, symbol) => (symbol === 97 || symbol === other ? 1 : 0));
  part(main.slice(0, 256));
  part(main.slice(256));
  part(Array.from({ length: 249 }, () => 0));
  return bits;
}

const offsets = (...recent: readonly number[]) => Buffer.from(Uint32Array.from(recent).buffer);

test('LZX takes blocks of bytes as they are, of odd sizes too, and behind a whole unit', () => {
  const stored = (bits: Bits, text: string) =>
    bits
      .put(3, 3)
      .put(0, 1)
      .put(text.length, 16)
      .bytes(Buffer.concat([offsets(1, 2, 3), Buffer.from(text), Buffer.alloc(text.length % 2)]));
  assert.equal(decode('lzx', stored(stored(new Bits(), 'seven..'), 'and so on').done(), 16).toString(), 'seven..and so on');
  // Its head's 20 bits come to the end of a unit.
  const bits = verbatim(new Bits(), 3, 98);
  const size = 3 + ((((12 - bits.length - 3) % 16) + 16) % 16);
  const whole = verbatim(new Bits(), size, 98);
  for (let i = 0; i < size; i++) whole.put(i % 2, 1);
  assert.equal(whole.length % 16, 12);
  assert.equal(decode('lzx', stored(whole, 'stored').done(), size + 6).toString(), 'ab'.repeat(9).slice(0, size) + 'stored');
});

test('LZX refuses blocks of no known type or size, and what its codes do not allow', () => {
  for (const type of [0, 4, 5, 6, 7])
    refused('lzx', new Bits().put(type, 3).put(0, 1).put(10, 16).bytes(Buffer.alloc(20)).done(), 10, /no known type/);
  refused('lzx', new Bits().put(1, 3).put(0, 1).put(0, 16).bytes(Buffer.alloc(20)).done(), 10, /size of a block/);
  refused('lzx', new Bits().put(1, 3).put(0, 1).put(11, 16).bytes(Buffer.alloc(20)).done(), 10, /size of a block/);
  refused('lzx', new Bits().put(1, 3).put(1, 1).bytes(Buffer.alloc(20)).done(), 10, /size of a block/);
  refused(
    'lzx',
    new Bits()
      .put(3, 3)
      .put(0, 1)
      .put(4, 16)
      .bytes(Buffer.concat([offsets(1, 0, 1), Buffer.alloc(4)]))
      .done(),
    4,
    /recent offset is 0/,
  );
  refused(
    'lzx',
    new Bits()
      .put(3, 3)
      .put(0, 1)
      .put(4, 16)
      .bytes(offsets(1, 1, 1))
      .done(),
    4,
    /ends too early/,
  );
  refused('lzx', Buffer.alloc(0), 4, /ends too early/);
  // The first repeated offset is 1, and nothing is there yet; then a match that is longer than its block.
  refused('lzx', verbatim(new Bits(), 4, 256).put(1, 1).done(), 4, /before the chunk/);
  refused('lzx', verbatim(new Bits(), 2, 256).put(0, 1).put(1, 1).done(), 4, /passes the end of its block/);
  refused('lzx', verbatim(new Bits(), 4, 263).put(0, 1).put(1, 1).put(0, 32).done(), 4, /length of an empty code/);
  refused('lzx', verbatim(new Bits(), 4, 97).put(0, 1).done(), 4, /main code is not complete/);
});

test('LZX refuses lengths of codes that do not end', () => {
  const head = () => new Bits().put(1, 3).put(0, 1).put(10, 16);
  const symbols = (bits: Bits, ...lengths: readonly (readonly [symbol: number, length: number])[]) => {
    const of = new Map(lengths);
    for (let symbol = 0; symbol < 20; symbol++) bits.put(of.get(symbol) ?? 0, 4);
    return bits;
  };
  refused('lzx', symbols(head()).put(0, 64).done(), 10, /empty code/);
  refused('lzx', symbols(head(), [0, 1]).put(0, 64).done(), 10, /code's lengths is not complete/);
  refused('lzx', symbols(head(), [0, 1], [1, 1], [2, 1]).put(0, 64).done(), 10, /code's lengths is not complete/);
  // 18: runs of 51 zeros, six of them in 256.
  const runs = symbols(head(), [18, 1], [0, 1]);
  for (let i = 0; i < 6; i++) runs.put(1, 1).put(31, 5);
  refused('lzx', runs.put(0, 32).done(), 10, /run of lengths passes their end/);
  // 19 followed by 18: a run of what is no length.
  refused('lzx', symbols(head(), [18, 1], [19, 1]).put(1, 1).put(0, 1).put(0, 1).put(0, 32).done(), 10, /run of lengths has no length/);
});

test('LZMS refuses what is no whole number of units', () => {
  refused('lzms', Buffer.alloc(0), 4, /no whole stream/);
  refused('lzms', Buffer.alloc(2), 4, /no whole stream/);
  refused('lzms', Buffer.alloc(7), 4, /no whole stream/);
  refused('lzms', Buffer.alloc(4), 100, /ends too early/);
});

/** Bytes as files have them: random ones, words over and over, numbers that count, code with calls. */
const structured = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 2000 }))
        .map(([word, times]) => Buffer.concat(Array.from({ length: times }, () => word))),
      fc
        .tuple(fc.nat(), fc.nat(1000), fc.nat(2000))
        .map(([first, step, count]) => new Uint8Array(Uint32Array.from({ length: count }, (_, i) => first + i * step).buffer)),
      fc
        .array(fc.tuple(fc.constantFrom(0xe8, 0xe9, 0xff), fc.integer({ min: -40_000, max: 13_000_000 })), { maxLength: 200 })
        .map((calls) =>
          Buffer.concat(
            calls.map(([opcode, target]) => {
              const bytes = Buffer.alloc(5, opcode);
              bytes.writeInt32LE(target, 1);
              return bytes;
            }),
          ),
        ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts).subarray(0, 32_768));

for (const codec of ['xpress', 'lzx'] as const) {
  test(`what ${codec} encodes decodes to the same, is the same each time, and never larger`, () => {
    const encoder = chunkEncoder(codec);
    fc.assert(
      fc.property(structured, (bytes) => {
        if (bytes.length === 0) return;
        const target = Buffer.alloc(bytes.length);
        const size = encoder.encode(bytes, bytes.length, target);
        assert.ok(size < bytes.length);
        const again = Buffer.alloc(bytes.length);
        assert.equal(chunkEncoder(codec).encode(bytes, bytes.length, again), size);
        assert.ok(again.equals(target));
        if (size > 0) assert.ok(decode(codec, target.subarray(0, size), bytes.length).equals(bytes));
      }),
      { numRuns: 400 },
    );
  });
}

test('a chunk of one byte over and over, and one of random bytes, are as small as they can be', () => {
  const target = Buffer.alloc(32_768);
  for (const codec of ['xpress', 'lzx'] as const) {
    const encoder = chunkEncoder(codec);
    assert.ok(encoder.encode(Buffer.alloc(32_768, 7), 32_768, target) < 400);
    let state = 1;
    const random = Buffer.from(Uint8Array.from({ length: 32_768 }, () => (state = Math.imul(state, 1_103_515_245) + 12_345) >>> 16));
    assert.equal(encoder.encode(random, random.length, target), 0);
  }
});

test('30,000 damaged chunks decode to something or are refused, and nothing else', () => {
  let state = 20_261_128;
  const next = (below: number) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    return (state >>> 8) % below;
  };
  const sizes = { xpress: 6000, lzx: 6000, lzms: 1057 };
  const text = Buffer.from(Array.from({ length: 400 }, (_, i) => `line ${i * i} of it ${'ab'.repeat(i % 7)}\n`).join('')).subarray(0, 6000);
  const whole: Record<ChunkCodec, Buffer> = { xpress: Buffer.alloc(0), lzx: Buffer.alloc(0), lzms: lzmsChunk };
  for (const codec of ['xpress', 'lzx'] as const) {
    const target = Buffer.alloc(text.length);
    whole[codec] = target.subarray(0, chunkEncoder(codec).encode(text, text.length, target));
  }
  const target = (memory.targets[0] as Uint8Array).subarray(0, text.length + 24);
  const { window: source } = memory;
  let refusals = 0;
  for (const [codec, count] of [
    ['xpress', 13_000],
    ['lzx', 13_000],
    ['lzms', 4000],
  ] as const) {
    const size = sizes[codec];
    for (let i = 0; i < count; i++) {
      source.set(whole[codec]);
      for (let times = 1 + next(4); times > 0; times--) {
        // LZX and XPRESS say what follows in their first bytes.
        const at = next(next(2) === 0 ? Math.min(300, whole[codec].length) : whole[codec].length);
        source[at]! ^= 1 << next(8);
      }
      const length = next(4) === 0 ? next(whole[codec].length + 1) : whole[codec].length;
      target.fill(0xa5, size + 16);
      try {
        decoder.decode(codec, 32_768, source.byteOffset, length, target.byteOffset, size);
      } catch (error) {
        assert.ok(isImageError(error, 'invalid-content'), `${codec} ${i}: ${String(error)}`);
        refusals++;
      }
      assert.ok(target.subarray(size + 16).every((byte) => byte === 0xa5));
    }
  }
  assert.ok(refusals > 10_000, `${refusals} were refused`);
});
