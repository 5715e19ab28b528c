import type { Readable } from 'node:stream';
import { errorCodes } from 'fastify';
import { OverloadedError } from '../../predictions/admission.js';

/** Initial size of a body's buffer: a client that sends nothing holds no more than this. */
const FIRST_BYTES = 4096;

const RETRY_AFTER_SECONDS = 2;

/** The client has disconnected, or its connection was ended, before the body was complete. */
class BodyCutError extends Error {
  readonly statusCode = 400;
  constructor() {
    super('The body did not arrive completely.');
  }
}

/** Share of the room that one client may take, so that there is some for others. */
const SHARE = 0.5;

/** Limits the total size of all bodies that are being received. Only bytes that have arrived count. */
export class BodyRoom {
  readonly #bytes: number;
  readonly #most: number;
  readonly #clients = new Map<string, number>();
  #taken = 0;

  /** @param bodyLimit size of the largest body; there is room for it whatever one client's share is */
  constructor(bytes: number, bodyLimit: number) {
    this.#bytes = bytes;
    this.#most = Math.max(SHARE * bytes, bodyLimit);
  }

  /** @throws OverloadedError if there is no room for the bytes */
  take(bytes: number, client: string): void {
    const own = this.#clients.get(client) ?? 0;
    if (this.#taken + bytes > this.#bytes || own + bytes > this.#most) {
      throw new OverloadedError(
        'bodies',
        RETRY_AFTER_SECONDS,
        `the service is already receiving bodies of ${this.#taken} bytes, and this one needs ${bytes}; try again`,
      );
    }
    this.#taken += bytes;
    this.#clients.set(client, own + bytes);
  }

  giveBack(bytes: number, client: string): void {
    this.#taken -= bytes;
    const left = (this.#clients.get(client) ?? 0) - bytes;
    if (left > 0) this.#clients.set(client, left);
    else this.#clients.delete(client);
  }
}

/**
 * A body that is being received. It is copied into one buffer that doubles when full: keeping a chunk of one byte would
 * cost hundreds of bytes.
 */
class BodyBuffer {
  readonly #room: BodyRoom;
  readonly #client: string;
  readonly #most: number;
  #buffer = Buffer.alloc(0);
  #length = 0;

  /** @param most limit of the body's size in bytes */
  constructor(room: BodyRoom, client: string, most: number) {
    this.#room = room;
    this.#client = client;
    this.#most = most;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#most) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
    if (length > this.#buffer.length) this.#grow(length);
    chunk.copy(this.#buffer, this.#length);
    this.#length = length;
  }

  #grow(length: number): void {
    const capacity = Math.min(Math.max(length, 2 * this.#buffer.length, FIRST_BYTES), this.#most);
    this.#room.take(capacity - this.#buffer.length, this.#client);
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  /** Releases the room and drops the bytes. */
  clear(): void {
    this.#room.giveBack(this.#buffer.length, this.#client);
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
  }
}

/**
 * Receives a body of at most `most` bytes, and holds its room until it has been used. A body without room is refused at
 * its end, and none of it is kept until then: many clients read no answer before they have sent everything, and treat a
 * closed connection as an error.
 *
 * @throws OverloadedError if there is no room for it
 */
export function receiveBody<T>(
  payload: Readable,
  most: number,
  { room, client }: { readonly room: BodyRoom; readonly client: string },
  read: (bytes: Buffer) => T | Promise<T>,
): Promise<T> {
  const body = new BodyBuffer(room, client, most);
  let overloaded: OverloadedError | null = null;
  const received = new Promise<void>((resolve, reject) => {
    const append = (chunk: Buffer) => {
      if (overloaded) return;
      try {
        body.append(chunk);
      } catch (error) {
        body.clear();
        if (error instanceof OverloadedError) {
          overloaded = error;
          return;
        }
        payload.removeListener('data', append);
        reject(error as Error);
      }
    };
    payload.on('data', append);
    payload.once('end', () => (overloaded ? reject(overloaded) : resolve()));
    payload.once('error', () => reject(new BodyCutError()));
    payload.once('close', () => reject(new BodyCutError()));
  });
  return received.then(() => read(body.bytes)).finally(() => body.clear());
}
