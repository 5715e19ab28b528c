import { Readable } from 'node:stream';
import { UNREAD_ANSWER_BYTES } from '../system/memory.js';
import type { ByteSource } from './layout.js';

/** Large enough that a write's overhead does not count, small enough to stay in a core's cache. */
const CHUNK_BYTES = 2 ** 20;

/** Where many streams are alive at the same time, each takes its part of this; a chunk gets no smaller than the second. */
const BUFFERED_BYTES = UNREAD_ANSWER_BYTES / 2;
const LEAST_CHUNK_BYTES = 2 ** 15;

/**
 * While one chunk is with the socket another waits in the stream's buffer and a third is written: with a high-water mark
 * below a chunk's size there are never more, so three buffers can be used in turn.
 */
const CHUNKS_ALIVE = 3;

/** The least that a stream holds in memory while it is read. */
export const LEAST_STREAM_BYTES = CHUNKS_ALIVE * LEAST_CHUNK_BYTES;

/** Streams that are read and not over. One that is never read may never be destroyed: Fastify drops it where it is late. */
let streamsAlive = 0;

/**
 * Streams bytes `start` to `end` - 1, expanding them as they are asked for. A chunk's memory is used again two chunks
 * later: a consumer that keeps chunks must copy them. However many clients do not read, what waits for them is bounded.
 */
export function streamBytes(source: ByteSource, start = 0, end = source.byteLength): Readable {
  const length = end - start;
  const buffers: Buffer[] = [];
  /** 0 before the first is read. */
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

/** Counts a stream that is about to be read; returns how large its chunks may be. */
function countedChunkBytes(): number {
  streamsAlive++;
  const part = Math.floor(BUFFERED_BYTES / (CHUNKS_ALIVE * streamsAlive));
  return Math.min(CHUNK_BYTES, Math.max(LEAST_CHUNK_BYTES, part));
}
