import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { CheckpointError } from './error.js';
import { ByteReader, type FileBytes } from './source.js';

/**
 * Largest ratio of a file's content to its compressed size, so that a small file cannot take all memory. Trained
 * weights compress by less than two, and half-precision numbers stored as float32 by less than three; only constant
 * ones compress further.
 */
const MAX_EXPANSION = 100;

/**
 * Any file may expand to this size, however small it is, because a tiny checkpoint of constant weights compresses by
 * more than MAX_EXPANSION.
 */
const MIN_EXPANDED_BYTES = 64 * 2 ** 20;

/** Size of zlib's output pieces; the default of 16 KiB costs a third of its speed. */
const ZLIB_PIECE_BYTES = 256 * 2 ** 10;

export interface Compression {
  readonly name: string;
  readonly decode: (file: FileBytes) => AsyncIterable<Uint8Array>;
}

/** The supported compressions, by the first bytes of the file. kind.ts has a message for each of the others. */
const COMPRESSIONS: readonly (Compression & { readonly magic: readonly number[] })[] = [
  {
    name: 'gzip',
    magic: [0x1f, 0x8b],
    decode: (file) => throughZlib(file, createGunzip({ chunkSize: ZLIB_PIECE_BYTES })),
  },
  {
    name: 'zlib',
    magic: [0x78],
    decode: (file) => throughZlib(file, createInflate({ chunkSize: ZLIB_PIECE_BYTES })),
  },
];

/** The compression of a file that begins with `start`; undefined if it is not compressed. */
export function findCompression(start: Uint8Array): Compression | undefined {
  return COMPRESSIONS.find(({ magic }) => magic.every((byte, i) => start[i] === byte));
}

/**
 * Runs `read` on the decompressed data, checks the rest of the file, and frees the decoder at the end or after an
 * error.
 */
export async function decompressed<T>(
  file: FileBytes,
  { name, decode }: Compression,
  read: (reader: ByteReader) => Promise<T>,
): Promise<T> {
  const limit = Math.max(MIN_EXPANDED_BYTES, file.size * MAX_EXPANSION);
  const excess = new CheckpointError(
    `holds more than ${limit} bytes, too many for its size; decompress it with ${name} and give the result`,
  );
  const pieces = bounded(decode(file), limit, excess);
  try {
    const result = await read(ByteReader.of(pieces, limit, excess));
    // Reads to the end, where the checksums are.
    for await (const _ of pieces);
    return result;
  } finally {
    await pieces.return(undefined);
  }
}

async function* bounded(
  pieces: AsyncIterable<Uint8Array>,
  limit: number,
  excess: CheckpointError,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    if (total > limit) throw excess;
    yield piece;
  }
}

async function* throughZlib(file: FileBytes, inflate: Transform): AsyncGenerator<Uint8Array> {
  // Iterating over `inflate` reports the pipeline's errors too. Its callback does nothing, but is required.
  pipeline(Readable.from(copies(file)), inflate, () => {});
  try {
    yield* inflate;
  } catch (error) {
    throw new CheckpointError(`the zlib data is damaged or truncated (${String(error)})`, { cause: error });
  }
}

/** Copies each piece, because a stream keeps pieces while it reads the next ones. */
async function* copies(file: FileBytes): AsyncGenerator<Uint8Array> {
  for await (const piece of file.pieces()) yield piece.slice();
}
