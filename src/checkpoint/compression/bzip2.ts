import { CheckpointError } from '../error.js';
import type { ByteReader } from '../source.js';

const BLOCK = 0x314159265359;
const END_OF_STREAM = 0x177245385090;

/** More than a compressed block can take: 900,001 symbols of 20 bits, 32,767 selectors, 6 tables. */
const MAX_BLOCK_BYTES = 2_400_000;

/** Size of the whole stream's checksum. It is made of the blocks' checksums, which are checked. */
const CHECKSUM_BITS = 32;

const MAX_CODE_BITS = 20;
const SYMBOLS_PER_SELECTOR = 50;

/** A run longer than a block is damage; without a bound its length, doubled with each symbol, would overflow. */
const MAX_RUN = 2 ** 21;

const PIECE_BYTES = 256 * 2 ** 10;

/**
 * Decodes one bzip2 stream, block by block. Of the packages that do, seek-bzip needs all of input and output at once, and
 * unbzip2-stream expands a block into an array with an element for each byte, so that 306 bytes take 2.9 GB; both are a
 * third as fast.
 */
export async function* bunzip2(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const level = (await reader.bytes(4))[3] - '0'.charCodeAt(0);
  if (level < 1 || level > 9) damaged('no block size');
  // One for all blocks: each is done with before the next, and a stream can have thousands that hold next to nothing.
  const room = new Uint32Array(level * 100_000);
  const piece = new Uint8Array(PIECE_BYTES + 255);
  for (let bit = 0; ; ) {
    const bits = new BitReader(await reader.peek(MAX_BLOCK_BYTES), bit);
    const magic = bits.take(24) * 2 ** 24 + bits.take(24);
    if (magic === END_OF_STREAM) {
      bits.skip(CHECKSUM_BITS);
      return;
    }
    if (magic !== BLOCK) damaged('a block does not start where one should');
    const block = decodeBlock(bits, room);
    reader.consume(bits.position >>> 3);
    bit = bits.position & 7;
    yield* expandRuns(block, piece);
  }
}

interface Block {
  readonly checksum: number;
  /** The block's bytes, each with the index of the one behind it in the upper 24 bits. */
  readonly chain: Uint32Array;
  readonly first: number;
}

class BitReader {
  readonly #bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** The next `count` ≤ 24 bits; zeros behind the end. */
  show(count: number): number {
    const bytes = this.#bytes;
    const at = this.position >>> 3;
    const word = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    return (word << (this.position & 7)) >>> (32 - count);
  }

  take(count: number): number {
    const value = this.show(count);
    this.skip(count);
    return value;
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.#bytes.length * 8) damaged('it ends within a block');
  }
}

/** A Huffman code; numbers of 20 bits, the code at their front, are compared with `end`. */
interface Code {
  readonly end: Uint32Array;
  /** The number to subtract from a code of a length for its index in `symbols`. */
  readonly base: Int32Array;
  readonly symbols: Uint16Array;
}

function decodeBlock(bits: BitReader, chain: Uint32Array): Block {
  const checksum = bits.take(16) * 2 ** 16 + bits.take(16);
  if (bits.take(1)) damaged('it is of an obsolete version');
  const origin = bits.take(24);
  const used = readUsedBytes(bits);
  const endOfBlock = used.length + 1;
  const groups = bits.take(3);
  if (groups < 2 || groups > 6) damaged('a wrong number of codes');
  const selectors = readSelectors(bits, groups);
  const codes = Array.from({ length: groups }, () => readCode(bits, endOfBlock + 1));

  const size = chain.length;
  const counts = new Uint32Array(256);
  let length = 0;
  let run = 0;
  let runUnit = 1;
  let left = 0;
  let selector = 0;
  let code = codes[0];
  for (;;) {
    if (left-- === 0) {
      if (selector === selectors.length) damaged('a block without end');
      code = codes[selectors[selector++]];
      left = SYMBOLS_PER_SELECTOR - 1;
    }
    const symbol = nextSymbol(bits, code);
    if (symbol < 2) {
      run += (symbol + 1) * runUnit;
      runUnit *= 2;
      if (run > MAX_RUN) damaged('too long a run');
      continue;
    }
    if (run > 0) {
      if (length + run > size || used.length === 0) damaged('too long a block');
      counts[used[0]] += run;
      chain.fill(used[0], length, length + run);
      length += run;
      run = 0;
      runUnit = 1;
    }
    if (symbol === endOfBlock) break;
    if (length === size) damaged('too long a block');
    const byte = used[symbol - 1];
    used.copyWithin(1, 0, symbol - 1);
    used[0] = byte;
    counts[byte] += 1;
    chain[length++] = byte;
  }
  if (origin >= length) damaged('a block that starts outside of itself');
  return { checksum, first: origin, chain: linkChain(chain.subarray(0, length), counts) };
}

function readUsedBytes(bits: BitReader): Uint8Array {
  const rows = bits.take(16);
  const used: number[] = [];
  for (let row = 0; row < 16; row++) {
    if (!(rows & (0x8000 >> row))) continue;
    const columns = bits.take(16);
    for (let column = 0; column < 16; column++)
      if (columns & (0x8000 >> column)) used.push(row * 16 + column);
  }
  return Uint8Array.from(used);
}

function readSelectors(bits: BitReader, groups: number): Uint8Array {
  const selectors = new Uint8Array(bits.take(15));
  const order = Uint8Array.from({ length: groups }, (_, i) => i);
  for (let i = 0; i < selectors.length; i++) {
    let at = 0;
    while (bits.take(1)) if (++at === groups) damaged('a code that is not there');
    const selected = order[at];
    order.copyWithin(1, 0, at);
    order[0] = selected;
    selectors[i] = selected;
  }
  return selectors;
}

function readCode(bits: BitReader, alphabet: number): Code {
  const lengths = new Uint8Array(alphabet);
  const counts = new Uint32Array(MAX_CODE_BITS + 1);
  let length = bits.take(5);
  for (let symbol = 0; symbol < alphabet; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_BITS) damaged('a code of a wrong length');
      if (!bits.take(1)) break;
      length += bits.take(1) ? -1 : 1;
    }
    lengths[symbol] = length;
    counts[length] += 1;
  }
  const symbols = new Uint16Array(alphabet);
  const end = new Uint32Array(MAX_CODE_BITS + 1);
  const base = new Int32Array(MAX_CODE_BITS + 1);
  let first = 0;
  let index = 0;
  for (let bitCount = 1; bitCount <= MAX_CODE_BITS; bitCount++) {
    base[bitCount] = first - index;
    for (let symbol = 0; symbol < alphabet; symbol++)
      if (lengths[symbol] === bitCount) symbols[index++] = symbol;
    first += counts[bitCount];
    if (first > 2 ** bitCount) damaged('a code that says two things');
    end[bitCount] = first * 2 ** (MAX_CODE_BITS - bitCount);
    first *= 2;
  }
  return { end, base, symbols };
}

function nextSymbol(bits: BitReader, { end, base, symbols }: Code): number {
  const shown = bits.show(MAX_CODE_BITS);
  let length = 1;
  while (length <= MAX_CODE_BITS && shown >= end[length]) length++;
  if (length > MAX_CODE_BITS) damaged('a code that stands for nothing');
  bits.skip(length);
  return symbols[(shown >>> (MAX_CODE_BITS - length)) - base[length]];
}

/** Undoes the Burrows-Wheeler transform: from the last column to a chain through it. */
function linkChain(chain: Uint32Array, counts: Uint32Array): Uint32Array {
  const next = new Uint32Array(256);
  for (let byte = 1; byte < 256; byte++) next[byte] = next[byte - 1] + counts[byte - 1];
  for (let i = 0; i < chain.length; i++) chain[next[chain[i] & 0xff]++] |= i << 8;
  return chain;
}

/** Walks the chain; behind four equal bytes stands how many more of them there are. */
function* expandRuns({ chain, first, checksum }: Block, piece: Uint8Array): Generator<Uint8Array> {
  let filled = 0;
  let crc = 0xffffffff;
  let equal = 0;
  let last = -1;
  let link = chain[first];
  for (let i = 0; i < chain.length; i++) {
    link = chain[link >>> 8];
    const byte = link & 0xff;
    const copies = equal === 4 ? byte : 1;
    const value = equal === 4 ? last : byte;
    equal = equal === 4 ? 0 : byte === last ? equal + 1 : 1;
    last = value;
    for (let copy = 0; copy < copies; copy++) {
      piece[filled++] = value;
      crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ value];
    }
    if (filled >= PIECE_BYTES) {
      yield piece.subarray(0, filled);
      filled = 0;
    }
  }
  if (~crc >>> 0 !== checksum) damaged('a checksum does not match');
  yield piece.subarray(0, filled);
}

/** Table of CRC-32 with the highest bit first, as in bzip2. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

function damaged(what: string): never {
  throw new CheckpointError(`the bzip2 data is damaged: ${what}`);
}
