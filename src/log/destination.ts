import { fstatSync, write } from 'node:fs';
import { Socket } from 'node:net';

/** Limit of bytes that wait to be written. If the reader falls further behind, lines are dropped. */
const MAX_WAITING_BYTES = 2 ** 20;

/** Writes bytes, and calls back once they are written or writing has failed. */
type WriteBytes = (bytes: Buffer, done: (error: Error | null) => void) => void;

/**
 * Writes log lines without ever delaying the caller. Lines that cannot be written (a full disk, a closed pipe), or that
 * exceed the limit because the reader is slow, are dropped and counted.
 */
export class LogDestination {
  readonly #write: WriteBytes;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #dropped = 0;
  #whenWritten: (() => void)[] = [];

  constructor(write: WriteBytes) {
    this.#write = write;
  }

  /** Number of lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writeWaiting();
  }

  /** Resolves once every line is written or dropped, or after this time. */
  async flush(milliseconds: number): Promise<void> {
    if (!this.#isWriting) return;
    await new Promise<void>((resolve) => {
      this.#whenWritten.push(resolve);
      setTimeout(resolve, milliseconds);
    });
  }

  #writeWaiting(): void {
    if (this.#isWriting) return;
    if (this.#waiting.length === 0) {
      for (const resolve of this.#whenWritten.splice(0)) resolve();
      return;
    }
    const lines = this.#waiting;
    const bytes = Buffer.concat(lines);
    this.#waiting = [];
    this.#isWriting = true;
    this.#write(bytes, (error) => {
      this.#isWriting = false;
      this.#waitingBytes -= bytes.length;
      if (error) this.#dropped += lines.length;
      this.#writeWaiting();
    });
  }
}

/**
 * Writes to a file, a terminal or /dev/null on a thread of Node's pool, so that a slow disk does not block the event
 * loop.
 */
function fileWriter(descriptor: number): WriteBytes {
  return function writeAll(bytes, done) {
    write(descriptor, bytes, (error, written) => {
      if (error || written === bytes.length) done(error);
      else writeAll(bytes.subarray(written), done);
    });
  };
}

/**
 * Writes to a pipe or a socket on the event loop. A thread would wait for the reader, and Node waits for the thread at
 * exit.
 */
function pipeWriter(descriptor: number): WriteBytes {
  const pipe = new Socket({ fd: descriptor, readable: false });
  // The callback of each write receives the error too.
  pipe.on('error', () => {});
  pipe.unref();
  return (bytes, done) => {
    pipe.write(bytes, (error) => done(error ?? null));
  };
}

/** Creates a destination that writes to an open file descriptor, such as 1, the standard output. */
export function logTo(descriptor: number): LogDestination {
  const status = fstatSync(descriptor);
  const isPipe = status.isFIFO() || status.isSocket();
  return new LogDestination(isPipe ? pipeWriter(descriptor) : fileWriter(descriptor));
}
