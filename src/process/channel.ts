import type { Duplex } from 'node:stream';

/** Before each message: the length of its JSON, which says how long the arrays behind it are. */
const PREFIX_BYTES = 4;

/** Called with each message that has come. */
export type OnMessage<Incoming> = (message: Incoming, arrays: Float32Array[], texts: Uint8Array[]) => void;

/**
 * Messages between the service and a process of its own over a socket: JSON, arrays that travel as they are, and texts, as
 * bytes that nobody reads on the way. Node's own channel between processes would copy arrays several times.
 */
export class Channel<Incoming, Outgoing> {
  readonly #socket: Duplex;
  readonly #reader: MessageReader;

  constructor(socket: Duplex, onMessage: OnMessage<Incoming>) {
    this.#socket = socket;
    this.#reader = new MessageReader((json, arrays, texts) => onMessage(json as Incoming, arrays, texts));
    socket.on('data', (chunk: Buffer) => this.#reader.push(chunk));
    // The process at the other end is gone, which its exit tells better.
    socket.on('error', () => {});
  }

  /** Resolves once the message is with the operating system: until then `arrays` and `texts` must not change. */
  send(
    message: Outgoing,
    arrays: readonly Float32Array[] = [],
    texts: readonly Uint8Array[] = [],
  ): Promise<void> {
    const frame: Frame = {
      message,
      lengths: arrays.map(({ length }) => length),
      ...(texts.length > 0 && { texts: texts.map(({ length }) => length) }),
    };
    const json = Buffer.from(JSON.stringify(frame));
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32LE(json.byteLength);
    const parts = [
      prefix,
      json,
      ...arrays.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
      ...texts,
    ];
    return new Promise((resolve) => {
      this.#socket.cork();
      parts.forEach((part, index) => {
        this.#socket.write(part, () => {
          if (index === parts.length - 1) resolve();
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
  /** Lengths of the arrays, in numbers. */
  readonly lengths: readonly number[];
  /** Lengths of the texts, in bytes. */
  readonly texts?: readonly number[];
}

/** Puts messages together from the chunks that a socket gives; arrays are filled where they will stay. */
class MessageReader {
  readonly #onMessage: OnMessage<unknown>;
  #target: Uint8Array = new Uint8Array(PREFIX_BYTES);
  #filled = 0;
  #frame: Frame | null = null;
  #readingPrefix = true;
  #arrays: Float32Array[] = [];
  #texts: Uint8Array[] = [];

  constructor(onMessage: OnMessage<unknown>) {
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
    const { message, lengths, texts: textLengths = [] } = this.#frame;
    if (this.#arrays.length < lengths.length) {
      const array = new Float32Array(lengths[this.#arrays.length]);
      this.#arrays.push(array);
      this.#next(new Uint8Array(array.buffer));
      return;
    }
    if (this.#texts.length < textLengths.length) {
      const text = new Uint8Array(textLengths[this.#texts.length]);
      this.#texts.push(text);
      this.#next(text);
      return;
    }
    const arrays = this.#arrays;
    const texts = this.#texts;
    this.#frame = null;
    this.#arrays = [];
    this.#texts = [];
    this.#readingPrefix = true;
    this.#next(new Uint8Array(PREFIX_BYTES));
    this.#onMessage(message, arrays, texts);
  }

  #next(target: Uint8Array): void {
    this.#target = target;
    this.#filled = 0;
  }
}
