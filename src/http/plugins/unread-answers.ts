import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { LEAST_STREAM_BYTES } from '../../format/stream.js';
import { OverloadedError, type Refusal } from '../../predictions/admission.js';
import { whenClosed } from '../answers/when-closed.js';
import { isProbe } from './authentication.js';

const RETRY_AFTER_SECONDS = 2;

/** Smaller answers are never refused: probes are among them, and the number of connections is limited. */
const LARGE = 64 * 1024;

/** Headers that describe the answer that is not sent. */
const HEADERS_OF_ANSWER = [
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-range',
  'etag',
  'last-modified',
  'server-timing',
];

/** Share of the room that one client may take, so that there is some for others. */
const SHARE = 0.5;

export interface UnreadAnswersOptions {
  /** Limit of bytes that all unfinished answers may hold together. */
  readonly bytes: number;
  /** Identifies the client: a key or an address. */
  readonly clientOf: (request: FastifyRequest) => string;
  readonly onRefusal: (reason: Refusal) => void;
}

/**
 * Limits the bytes that answers hold until their clients have read them, whichever route or library makes them. An
 * answer that would exceed the limit is refused with 503. Bytes that several answers share count once.
 */
export const unreadAnswers = fastifyPlugin(
  async (app: FastifyInstance, { bytes, clientOf, onRefusal }: UnreadAnswersOptions) => {
    const room = new AnswerRoom(bytes);

    function refuse(): never {
      onRefusal('answers');
      throw new OverloadedError(
        'answers',
        RETRY_AFTER_SECONDS,
        'too many answers wait for clients to read them; try again',
      );
    }

    // Refuses before anything is computed for a client that has used up its share.
    app.addHook('onRequest', async (request) => {
      if (room.isFull(clientOf(request)) && !isProbe(request)) refuse();
    });

    app.addHook('onSend', async (request, reply, payload) => {
      if (isGone(reply)) {
        if (payload instanceof Readable) payload.destroy();
        return payload;
      }
      const held = asHeld(payload);
      if (held === null) return payload;
      const client = clientOf(request);
      if (isLarge(held) && !room.fits(held, client)) {
        if (held instanceof Readable) held.destroy();
        for (const name of HEADERS_OF_ANSWER) reply.removeHeader(name);
        refuse();
      }
      const giveBack = room.take(held, client);
      whenClosed(reply, () => {
        giveBack();
        if (held instanceof Readable) held.destroy();
      });
      return held;
    });
  },
);

type Held = Buffer | string | Readable;

const isLarge = (held: Held) => held instanceof Readable || held.length >= LARGE;

/**
 * Returns the body of an answer, with a long text as bytes, since Node would hold both. Returns null for an empty body.
 */
function asHeld(payload: unknown): Held | null {
  if (typeof payload === 'string') return payload.length < LARGE ? payload : Buffer.from(payload);
  return Buffer.isBuffer(payload) || payload instanceof Readable ? payload : null;
}

const isGone = ({ raw }: FastifyReply) => raw.closed || raw.req.socket.destroyed;

/** Counts the bytes that answers hold, by client. */
class AnswerRoom {
  readonly #limit: number;
  /** Number of answers of each client that hold a buffer. */
  readonly #holders = new Map<Buffer, Map<string, number>>();
  readonly #clients = new Map<string, number>();
  #taken = 0;

  constructor(bytes: number) {
    this.#limit = bytes;
  }

  /** Returns true if there is no room for any large answer of a client. */
  isFull(client: string): boolean {
    return this.#own(client) < LARGE || this.#limit - this.#taken < LARGE;
  }

  fits(held: Held, client: string): boolean {
    const holders = Buffer.isBuffer(held) ? this.#holders.get(held) : undefined;
    const cost = costOf(held);
    return (
      (holders?.has(client) || cost <= this.#own(client)) &&
      (holders !== undefined || cost <= this.#limit - this.#taken)
    );
  }

  /** Counts an answer. Returns a function that releases it. */
  take(held: Held, client: string): () => void {
    const cost = costOf(held);
    if (!Buffer.isBuffer(held)) {
      this.#taken += cost;
      this.#charge(client, cost);
      return () => {
        this.#taken -= cost;
        this.#charge(client, -cost);
      };
    }
    const holders = this.#holders.get(held) ?? new Map<string, number>();
    if (holders.size === 0) {
      this.#holders.set(held, holders);
      this.#taken += cost;
    }
    const before = holders.get(client) ?? 0;
    holders.set(client, before + 1);
    if (before === 0) this.#charge(client, cost);
    return () => {
      const others = holders.get(client)! - 1;
      holders.set(client, others);
      if (others > 0) return;
      holders.delete(client);
      this.#charge(client, -cost);
      if (holders.size > 0) return;
      this.#holders.delete(held);
      this.#taken -= cost;
    };
  }

  /** Returns the rest of a client's share. */
  #own(client: string): number {
    return SHARE * this.#limit - (this.#clients.get(client) ?? 0);
  }

  #charge(client: string, bytes: number): void {
    const taken = (this.#clients.get(client) ?? 0) + bytes;
    if (taken > 0) this.#clients.set(client, taken);
    else this.#clients.delete(client);
  }
}

function costOf(held: Held): number {
  return held instanceof Readable ? LEAST_STREAM_BYTES : held.length;
}
