import type { Duplex } from 'node:stream';

/** Before each message: the length of its JSON, which says how long the arrays behind it are. */
const PREFIX_BYTES = 4;

/**
 * Messages between the service and its predictor's process over a socket: JSON, and arrays that travel as they are.
 * Node's own channel between processes would copy arrays several times.
 */
export class Channel<Incoming, Outgoing> {
  readonly #socket: Duplex;
  readonly #reader: MessageReader;

  constructor(socket: Duplex, onMessage: (message: Incoming, arrays: Float32Array[]) => void) {
    this.#socket = socket;
    this.#reader = new MessageReader((json, arrays) => onMessage(json as Incoming, arrays));
    socket.on('data', (chunk: Buffer) => this.#reader.push(chunk));
    // The process at the other end is gone, which its exit tells better.
    socket.on('error', () => {});
  }

  /** Resolves once the message is with the operating system: until then `arrays` must not change. */
  send(message: Outgoing, arrays: readonly Float32Array[] = []): Promise<void> {
    const json = Buffer.from(JSON.stringify({ message, lengths: arrays.map(({ length }) => length) }));
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32LE(json.byteLength);
    return new Promise((resolve) => {
      this.#socket.cork();
      this.#socket.write(prefix);
      this.#socket.write(json, () => {
        if (arrays.length === 0) resolve();
      });
      arrays.forEach(({ buffer, byteOffset, byteLength }, index) => {
        this.#socket.write(new Uint8Array(buffer, byteOffset, byteLength), () => {
          if (index === arrays.length - 1) resolve();
        });
      });
      this.#socket.uncork();
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

interface Frame {
  readonly message: unknown;
  readonly lengths: readonly number[];
}

/** Puts messages together from the chunks that a socket gives; arrays are filled where they will stay. */
class MessageReader {
  readonly #onMessage: (message: unknown, arrays: Float32Array[]) => void;
  #target: Uint8Array = new Uint8Array(PREFIX_BYTES);
  #filled = 0;
  #frame: Frame | null = null;
  #readingPrefix = true;
  #arrays: Float32Array[] = [];

  constructor(onMessage: (message: unknown, arrays: Float32Array[]) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.byteLength; ) {
      const take = Math.min(chunk.byteLength - at, this.#target.byteLength - this.#filled);
      this.#target.set(chunk.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      while (this.#filled === this.#target.byteLength) this.#advance();
    }
  }

  /** The target is full: takes it for what it is and sets up the next. */
  #advance(): void {
    if (this.#readingPrefix) {
      this.#readingPrefix = false;
      const view = new DataView(this.#target.buffer);
      this.#next(new Uint8Array(view.getUint32(0, true)));
      return;
    }
    this.#frame ??= JSON.parse(Buffer.from(this.#target.buffer).toString()) as Frame;
    const { message, lengths } = this.#frame;
    if (this.#arrays.length < lengths.length) {
      const array = new Float32Array(lengths[this.#arrays.length]);
      this.#arrays.push(array);
      this.#next(new Uint8Array(array.buffer));
      return;
    }
    const arrays = this.#arrays;
    this.#frame = null;
    this.#arrays = [];
    this.#readingPrefix = true;
    this.#next(new Uint8Array(PREFIX_BYTES));
    this.#onMessage(message, arrays);
  }

  #next(target: Uint8Array): void {
    this.#target = target;
    this.#filled = 0;
  }
}
