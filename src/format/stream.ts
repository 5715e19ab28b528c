import { Readable } from 'node:stream';
import { UNREAD_ANSWER_BYTES } from '../system/memory.js';
import type { ByteSource } from './layout.js';

/** Large enough that the overhead of a write is negligible, small enough to stay in a core's cache. */
const CHUNK_BYTES = 2 ** 20;

/**
 * Limit of the bytes that all streams buffer together; each takes an equal share, but chunks are no smaller than the
 * minimum.
 */
const BUFFERED_BYTES = UNREAD_ANSWER_BYTES / 2;
const LEAST_CHUNK_BYTES = 2 ** 15;

/**
 * Number of chunks that exist at once: one with the socket, one in the stream's buffer, and one being written. A
 * high-water mark below the size of a chunk ensures that there are no more, so three buffers can be used in turn.
 */
const CHUNKS_ALIVE = 3;

/** The least memory that a stream holds while it is read. */
export const LEAST_STREAM_BYTES = CHUNKS_ALIVE * LEAST_CHUNK_BYTES;

/**
 * Number of streams that are being read. A stream counts from its first read, because one that is never read may never
 * be destroyed: Fastify drops the stream of a late answer.
 */
let streamsAlive = 0;

/**
 * Streams bytes `start` to `end` - 1, and makes them when they are read. The memory of a chunk is reused two chunks
 * later, so a consumer that keeps chunks must copy them. However many clients do not read, the bytes that wait for them
 * are limited.
 */
export function streamBytes(source: ByteSource, start = 0, end = source.byteLength): Readable {
  const length = end - start;
  const buffers: Buffer[] = [];
  /** Size of a chunk; 0 before the first read. */
  let chunkBytes = 0;
  let position = start;
  let turn = 0;
  return new Readable({
    highWaterMark: 1,
    read() {
      chunkBytes ||= countedChunkBytes();
      const size = Math.min(chunkBytes, end - position);
      if (size === 0) {
        source.release?.();
        this.push(null);
        return;
      }
      buffers[turn] ??= Buffer.allocUnsafeSlow(Math.min(chunkBytes, length));
      const chunk = buffers[turn].subarray(0, size);
      const pending = source.copy(position, position + size, chunk, 0);
      position += size;
      turn = (turn + 1) % CHUNKS_ALIVE;
      if (!pending) {
        this.push(chunk);
        return;
      }
      pending.then(
        () => this.push(chunk),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      if (chunkBytes > 0) streamsAlive--;
      callback(error);
    },
  });
}

/** Counts a stream whose reading begins. Returns the size of its chunks. */
function countedChunkBytes(): number {
  streamsAlive++;
  const part = Math.floor(BUFFERED_BYTES / (CHUNKS_ALIVE * streamsAlive));
  return Math.min(CHUNK_BYTES, Math.max(LEAST_CHUNK_BYTES, part));
}
