import { CheckpointError } from '../error.js';
import type { ByteReader } from '../source.js';

/** How far back a match can reach. */
const HISTORY_BYTES = 64 * 2 ** 10;

/** By the frame's size code. */
const MAX_BLOCK_BYTES = new Map([
  [4, 64 * 2 ** 10],
  [5, 256 * 2 ** 10],
  [6, 2 ** 20],
  [7, 4 * 2 ** 20],
]);

const STORED = 0x8000_0000;

/**
 * Decodes one lz4 frame, block by block; its checksums are not looked at. No package does this as a stream: lz4-napi
 * and lz4js return the whole frame in one buffer, however large it claims to be.
 */
export async function* unlz4(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const descriptor = await reader.bytes(6);
  const flags = descriptor[4];
  const maxBlock = MAX_BLOCK_BYTES.get((descriptor[5] >> 4) & 7);
  if (flags >> 6 !== 1 || maxBlock === undefined) damaged('not a frame of version 1');
  if (flags & 1) damaged('it needs a dictionary');
  const hasBlockChecksums = (flags & 0x10) !== 0;
  const hasContentSize = (flags & 8) !== 0;
  const hasContentChecksum = (flags & 4) !== 0;
  await reader.skip((hasContentSize ? 8 : 0) + 1);

  const window = new Uint8Array(HISTORY_BYTES + maxBlock);
  let history = 0;
  for (;;) {
    const header = (await reader.bytes(4)).readUInt32LE();
    if (header === 0) {
      if (hasContentChecksum) await reader.skip(4);
      return;
    }
    const size = header % STORED;
    if (size > maxBlock) damaged('a block is larger than the frame allows');
    const block = await reader.bytes(size);
    let end = HISTORY_BYTES + size;
    if (header >= STORED) window.set(block, HISTORY_BYTES);
    else end = decodeBlock(block, window, HISTORY_BYTES - history);
    if (hasBlockChecksums) await reader.skip(4);
    yield window.subarray(HISTORY_BYTES, end);
    history = Math.min(HISTORY_BYTES, history + end - HISTORY_BYTES);
    window.copyWithin(0, end - HISTORY_BYTES, end);
  }
}

/** Decodes into `window` from HISTORY_BYTES on, where the bytes from `start` on came before; returns the end. */
function decodeBlock(block: Uint8Array, window: Uint8Array, start: number): number {
  let from = 0;
  let to = HISTORY_BYTES;
  const length = (nibble: number): number => {
    if (nibble < 15) return nibble;
    let sum = nibble;
    for (;;) {
      if (from >= block.length) damaged('it ends within a length');
      const byte = block[from++];
      sum += byte;
      if (byte !== 255) return sum;
    }
  };
  while (from < block.length) {
    const token = block[from++];
    const literals = length(token >> 4);
    if (from + literals > block.length || to + literals > window.length) damaged('literals without end');
    window.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === block.length) return to;

    if (from + 2 > block.length) damaged('it ends within an offset');
    const offset = block[from] | (block[from + 1] << 8);
    from += 2;
    const match = 4 + length(token & 15);
    if (offset === 0 || to - offset < start) damaged('a match with what was never there');
    if (to + match > window.length) damaged('a match without end');
    for (const end = to + match; to < end; to++) window[to] = window[to - offset];
  }
  return to;
}

function damaged(what: string): never {
  throw new CheckpointError(`the lz4 data is damaged: ${what}`);
}
