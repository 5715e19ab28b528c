import type { Duplex } from 'node:stream';

/** Each message begins with the length of its JSON. The JSON gives the lengths of the arrays and texts after it. */
const PREFIX_BYTES = 4;

const FLOAT32_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Messages up to this size are written with one call: a call costs more than copying this many bytes. */
const WRITTEN_AT_ONCE_BYTES = 2 ** 16;

/**
 * Arrays of a message share one allocation up to this size: for many small arrays, allocating each takes longer than
 * filling it.
 */
const SHARED_BYTES = 2 ** 18;

/** Called with each message that arrives. */
export type OnMessage<Incoming> = (message: Incoming, arrays: Float32Array[], texts: Uint8Array[]) => void;

/**
 * Exchanges messages with a child process over a socket: JSON, arrays as raw bytes, and texts as bytes that are not
 * decoded on the way. Node's own channel between processes would copy arrays several times.
 */
export class Channel<Incoming, Outgoing> {
  readonly #socket: Duplex;
  readonly #reader: MessageReader;

  constructor(socket: Duplex, onMessage: OnMessage<Incoming>) {
    this.#socket = socket;
    this.#reader = new MessageReader((json, arrays, texts) => onMessage(json as Incoming, arrays, texts));
    socket.on('data', (chunk: Buffer) => this.#reader.push(chunk));
    // The process at the other end has ended. Its exit event gives a better reason.
    socket.on('error', () => {});
  }

  /**
   * Sends a message. Resolves once the operating system has all of it; until then, `arrays` and `texts` must not
   * change.
   */
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
    const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const chunks = bytes <= WRITTEN_AT_ONCE_BYTES ? [Buffer.concat(parts, bytes)] : parts;
    return new Promise((resolve) => {
      this.#socket.cork();
      chunks.forEach((chunk, index) => {
        this.#socket.write(chunk, index === chunks.length - 1 ? () => resolve() : undefined);
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
  /** Number of values in each array. */
  readonly lengths: readonly number[];
  /** Length of each text in bytes. */
  readonly texts?: readonly number[];
}

/** A part of a message that is read into one piece of memory: a text, or arrays that lie side by side. */
interface Payload {
  readonly bytes: Uint8Array;
  readonly arrays: readonly Float32Array[];
  readonly isText: boolean;
}

/** Assembles messages from the chunks of a socket. Array data is written directly into the final arrays. */
class MessageReader {
  readonly #onMessage: OnMessage<unknown>;
  #target: Uint8Array = new Uint8Array(PREFIX_BYTES);
  #filled = 0;
  #part: 'prefix' | 'json' | 'payload' = 'prefix';
  #message: unknown;
  #payloads: readonly Payload[] = [];
  #filledPayloads = 0;

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

  /** Handles the target, which is now full, and sets up the next. */
  #advance(): void {
    switch (this.#part) {
      case 'prefix': {
        const { buffer } = this.#target;
        this.#part = 'json';
        this.#next(new Uint8Array(new DataView(buffer).getUint32(0, true)));
        return;
      }
      case 'json': {
        const frame = JSON.parse(Buffer.from(this.#target.buffer).toString()) as Frame;
        this.#message = frame.message;
        this.#payloads = payloadsOf(frame);
        this.#filledPayloads = 0;
        this.#part = 'payload';
        break;
      }
      case 'payload':
        this.#filledPayloads++;
    }
    if (this.#filledPayloads < this.#payloads.length) {
      this.#next(this.#payloads[this.#filledPayloads].bytes);
    } else {
      const [message, payloads] = [this.#message, this.#payloads];
      this.#message = null;
      this.#payloads = [];
      this.#part = 'prefix';
      this.#next(new Uint8Array(PREFIX_BYTES));
      this.#onMessage(
        message,
        payloads.flatMap(({ arrays }) => arrays),
        payloads.filter(({ isText }) => isText).map(({ bytes }) => bytes),
      );
    }
  }

  #next(target: Uint8Array): void {
    this.#target = target;
    this.#filled = 0;
  }
}

/** Allocates memory for the arrays and texts of a message, in their order. */
function payloadsOf({ lengths, texts = [] }: Frame): Payload[] {
  const payloads: Payload[] = [];
  for (let first = 0; first < lengths.length; ) {
    let end = first + 1;
    let length = lengths[first];
    while (end < lengths.length && FLOAT32_BYTES * (length + lengths[end]) <= SHARED_BYTES)
      length += lengths[end++];
    const all = new Float32Array(length);
    let at = 0;
    const arrays = lengths.slice(first, end).map((each) => {
      at += each;
      return all.subarray(at - each, at);
    });
    payloads.push({ bytes: new Uint8Array(all.buffer), arrays, isText: false });
    first = end;
  }
  return [...payloads, ...texts.map((size) => ({ bytes: new Uint8Array(size), arrays: [], isText: true }))];
}
