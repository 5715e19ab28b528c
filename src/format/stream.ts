import { Readable } from 'node:stream';
import type { ByteSource } from './layout.js';

/** Large enough that a write's overhead does not count, small enough to stay in a core's cache. */
const CHUNK_BYTES = 2 ** 20;

/**
 * While one chunk is with the socket another waits in the stream's buffer and a third is written: with a high-water mark
 * below a chunk's size there are never more, so three buffers can be used in turn.
 */
const CHUNKS_ALIVE = 3;

/**
 * Streams bytes `start` to `end` - 1, expanding them as they are asked for. A chunk's memory is used again two chunks
 * later: a consumer that keeps chunks must copy them.
 */
export function streamBytes(source: ByteSource, start = 0, end = source.byteLength): Readable {
  const length = end - start;
  const buffers: Buffer[] = [];
  let position = start;
  let turn = 0;
  return new Readable({
    highWaterMark: 1,
    read() {
      const size = Math.min(CHUNK_BYTES, end - position);
      if (size === 0) {
        source.release?.();
        this.push(null);
        return;
      }
      buffers[turn] ??= Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, length));
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
  });
}
