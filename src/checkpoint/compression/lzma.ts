import { CheckpointError } from '../error.js';
import type { ByteReader } from '../source.js';

/** The largest dictionary of Python's presets (9); a larger one would only serve to take memory. */
const MAX_DICTIONARY_BYTES = 64 * 2 ** 20;

const MIN_DICTIONARY_BYTES = 4096;

/** Size of a piece of input. */
const INPUT_BYTES = 32 * 2 ** 10;

/** No symbol takes more input than this. */
const MAX_SYMBOL_BYTES = 20;

const MAX_MATCH = 273;
const UNKNOWN_SIZE = 0xffff_ffff_ffff_ffffn;
const END_MARKER = 0xffff_ffff;
const PROBABILITY_BITS = 11;
const EVEN = 2 ** (PROBABILITY_BITS - 1);

/**
 * Decodes the "lzma alone" format, as Python's lzma.FORMAT_ALONE writes it. The packages that decode it (lzma1, lzma,
 * @napi-rs/lzma) return everything in one buffer, with no bound on what a small file can make of itself; node-liblzma
 * streams it, but is an addon without binaries for Linux on ARM.
 */
export async function* unlzma(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const header = await reader.bytes(13);
  const properties = header[0];
  if (properties >= 9 * 5 * 5) damaged('wrong properties');
  const dictionary = Math.max(MIN_DICTIONARY_BYTES, header.readUInt32LE(1));
  if (dictionary > MAX_DICTIONARY_BYTES) {
    throw new CheckpointError(
      `the lzma data needs a dictionary of ${dictionary} bytes, at most ${MAX_DICTIONARY_BYTES} are allowed; compress it with a preset`,
    );
  }
  const announced = header.readBigUInt64LE(5);
  const size = announced === UNKNOWN_SIZE ? Number.POSITIVE_INFINITY : Number(announced);
  const decoder = new Decoder(properties, dictionary, size, await reader.bytes(5));
  while (!decoder.finished) {
    const input = await reader.peek(INPUT_BYTES);
    const { output, consumed } = decoder.run(input, input.length < INPUT_BYTES);
    reader.consume(consumed);
    yield output;
  }
}

class Decoder {
  finished = false;

  // The range coder.
  #range = 0xffff_ffff;
  #code: number;
  #input: Uint8Array = new Uint8Array(0);
  #at = 0;

  // The window: the dictionary's bytes before #to, and room for as many more.
  readonly #dictionary: number;
  readonly #window: Uint8Array;
  #to = 0;
  #total = 0;
  readonly #size: number;

  // The model: contexts, the last four distances, and the probabilities of each kind of bit.
  readonly #literalContext: number;
  readonly #literalPosition: number;
  readonly #positionMask: number;
  #state = 0;
  #distances: [number, number, number, number] = [0, 0, 0, 0];
  readonly #literals: Uint16Array;
  readonly #isMatch = probabilities(12 << 4);
  readonly #isRepeat = probabilities(12);
  readonly #isRepeat0 = probabilities(12);
  readonly #isRepeat1 = probabilities(12);
  readonly #isRepeat2 = probabilities(12);
  readonly #isRepeat0Long = probabilities(12 << 4);
  readonly #slots = Array.from({ length: 4 }, () => probabilities(64));
  readonly #distanceBits = probabilities(115);
  readonly #alignment = probabilities(16);
  readonly #matchLength = lengthModel();
  readonly #repeatLength = lengthModel();

  constructor(properties: number, dictionary: number, size: number, start: Uint8Array) {
    this.#literalContext = properties % 9;
    const position = Math.floor(properties / 9);
    this.#literalPosition = position % 5;
    this.#positionMask = (1 << Math.floor(position / 5)) - 1;
    this.#literals = probabilities(0x300 << (this.#literalContext + this.#literalPosition));
    this.#dictionary = dictionary;
    this.#window = new Uint8Array(2 * dictionary + MAX_MATCH);
    this.#size = size;
    if (start[0] !== 0) damaged('a wrong start');
    this.#code = ((start[1] << 24) | (start[2] << 16) | (start[3] << 8) | start[4]) >>> 0;
    this.finished = size === 0;
  }

  /** Decodes what `input` holds, as far as the window has room. `last` says that no input follows. */
  run(input: Uint8Array, last: boolean): { output: Uint8Array; consumed: number } {
    if (this.#to > 2 * this.#dictionary - MAX_MATCH) {
      this.#window.copyWithin(0, this.#to - this.#dictionary, this.#to);
      this.#to = this.#dictionary;
    }
    this.#input = input;
    this.#at = 0;
    const start = this.#to;
    const inputEnd = last ? input.length : input.length - MAX_SYMBOL_BYTES;
    while (!this.finished && this.#to < 2 * this.#dictionary && (last || this.#at <= inputEnd)) {
      this.#symbol();
      if (this.#at > input.length) damaged('it ends too early');
      if (this.finished && this.#code !== 0) damaged('a wrong end');
      if (this.#total > this.#size) damaged('it holds more than it says');
      if (this.#total === this.#size) this.finished = true;
    }
    return { output: this.#window.subarray(start, this.#to), consumed: this.#at };
  }

  #symbol(): void {
    const position = this.#total & this.#positionMask;
    const context = (this.#state << 4) + position;
    if (!this.#bit(this.#isMatch, context)) {
      this.#literal();
      return;
    }
    if (!this.#bit(this.#isRepeat, this.#state)) {
      const length = this.#length(this.#matchLength, position);
      this.#state = this.#state < 7 ? 7 : 10;
      const distance = this.#distance(length);
      if (distance === END_MARKER) {
        if (Number.isFinite(this.#size)) damaged('it holds less than it says');
        this.finished = true;
        return;
      }
      const [d0, d1, d2] = this.#distances;
      this.#distances = [distance, d0, d1, d2];
      this.#copy(length);
    } else if (this.#repeats(context)) {
      const length = this.#length(this.#repeatLength, position);
      this.#state = this.#state < 7 ? 8 : 11;
      this.#copy(length);
    } else {
      this.#state = this.#state < 7 ? 9 : 11;
      this.#copy(1);
    }
  }

  /** Moves the repeated distance to the front; false where a single byte is repeated at the last one. */
  #repeats(context: number): boolean {
    const [d0, d1, d2, d3] = this.#distances;
    if (!this.#bit(this.#isRepeat0, this.#state)) return this.#bit(this.#isRepeat0Long, context) === 1;
    if (!this.#bit(this.#isRepeat1, this.#state)) this.#distances = [d1, d0, d2, d3];
    else if (!this.#bit(this.#isRepeat2, this.#state)) this.#distances = [d2, d0, d1, d3];
    else this.#distances = [d3, d0, d1, d2];
    return true;
  }

  #literal(): void {
    const before = this.#to > 0 ? this.#window[this.#to - 1] : 0;
    const position = this.#total & ((1 << this.#literalPosition) - 1);
    const context = (position << this.#literalContext) + (before >> (8 - this.#literalContext));
    const base = 0x300 * context;
    let symbol = 1;
    if (this.#state >= 7) {
      let match = this.#window[this.#to - this.#distances[0] - 1];
      while (symbol < 0x100) {
        const matchBit = (match >> 7) & 1;
        match <<= 1;
        const bit = this.#bit(this.#literals, base + ((1 + matchBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== matchBit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(this.#literals, base + symbol);
    this.#window[this.#to++] = symbol;
    this.#total++;
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
  }

  #copy(length: number): void {
    const distance = this.#distances[0] + 1;
    if (distance > Math.min(this.#total, this.#dictionary)) damaged('a match with what was never there');
    const window = this.#window;
    const end = this.#to + length;
    for (let to = this.#to; to < end; to++) window[to] = window[to - distance];
    this.#to = end;
    this.#total += length;
  }

  #length(model: LengthModel, position: number): number {
    if (!this.#bit(model.choice, 0)) return 2 + this.#tree(model.low[position], 3);
    if (!this.#bit(model.choice, 1)) return 10 + this.#tree(model.middle[position], 3);
    return 18 + this.#tree(model.high, 8);
  }

  #distance(length: number): number {
    const slot = this.#tree(this.#slots[Math.min(length - 2, 3)], 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + this.#reverseTree(this.#distanceBits, base - slot, bits);
    return base + this.#direct(bits - 4) * 16 + this.#reverseTree(this.#alignment, 0, 4);
  }

  #tree(model: Uint16Array, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.#bit(model, node);
    return node - (1 << bits);
  }

  #reverseTree(model: Uint16Array, base: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(model, base + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #direct(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit) this.#code -= this.#range;
      value = value * 2 + bit;
      this.#normalise();
    }
    return value;
  }

  #bit(model: Uint16Array, index: number): number {
    const probability = model[index];
    const bound = (this.#range >>> PROBABILITY_BITS) * probability;
    let bit = 0;
    if (this.#code < bound) {
      this.#range = bound;
      model[index] = probability + ((2 ** PROBABILITY_BITS - probability) >> 5);
    } else {
      this.#range -= bound;
      this.#code -= bound;
      model[index] = probability - (probability >> 5);
      bit = 1;
    }
    this.#normalise();
    return bit;
  }

  #normalise(): void {
    if (this.#range >= 2 ** 24) return;
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | (this.#input[this.#at++] ?? 0)) >>> 0;
  }
}

interface LengthModel {
  readonly choice: Uint16Array;
  readonly low: readonly Uint16Array[];
  readonly middle: readonly Uint16Array[];
  readonly high: Uint16Array;
}

function lengthModel(): LengthModel {
  return {
    choice: probabilities(2),
    low: Array.from({ length: 16 }, () => probabilities(8)),
    middle: Array.from({ length: 16 }, () => probabilities(8)),
    high: probabilities(256),
  };
}

function probabilities(count: number): Uint16Array {
  return new Uint16Array(count).fill(EVEN);
}

function damaged(what: string): never {
  throw new CheckpointError(`the lzma data is damaged: ${what}`);
}
