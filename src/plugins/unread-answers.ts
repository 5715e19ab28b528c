import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { LEAST_STREAM_BYTES } from '../format/stream.js';
import { OverloadedError, type Refusal } from '../predictions/admission.js';
import { whenClosed } from './when-closed.js';

const RETRY_AFTER_SECONDS = 2;

/** A smaller answer is never refused: probes are among them, and connections are few enough. */
const LARGE = 64 * 1024;

/** Headers that tell of the answer that is not sent. */
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

export interface UnreadAnswersOptions {
  /** What all answers that are not over may hold together. */
  readonly bytes: number;
  readonly onRefusal: (reason: Refusal) => void;
}

/**
 * Bounds what answers hold until their clients have read them, whichever route or library gives them: an answer that would
 * hold more is refused with 503. Bytes that several answers share count once.
 */
export const unreadAnswers = fastifyPlugin(
  async (app: FastifyInstance, { bytes, onRefusal }: UnreadAnswersOptions) => {
    const room = new AnswerRoom(bytes);

    app.addHook('onSend', async (_request, reply, payload) => {
      if (isGone(reply)) {
        if (payload instanceof Readable) payload.destroy();
        return payload;
      }
      const held = asHeld(payload);
      if (held === null) return payload;
      if (isLarge(held) && !room.fits(held)) {
        if (held instanceof Readable) held.destroy();
        for (const name of HEADERS_OF_ANSWER) reply.removeHeader(name);
        onRefusal('answers');
        throw new OverloadedError(
          'answers',
          RETRY_AFTER_SECONDS,
          'clients have not read the answers that they asked for, and there is no room for more of them; try again',
        );
      }
      const giveBack = room.take(held);
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

/** What an answer holds, a long text as bytes: Node would hold it as both. Null for nothing. */
function asHeld(payload: unknown): Held | null {
  if (typeof payload === 'string') return payload.length < LARGE ? payload : Buffer.from(payload);
  return Buffer.isBuffer(payload) || payload instanceof Readable ? payload : null;
}

const isGone = ({ raw }: FastifyReply) => raw.closed || raw.req.socket.destroyed;

/** What is held, by whom. */
class AnswerRoom {
  readonly #limit: number;
  readonly #holders = new Map<Buffer, number>();
  #taken = 0;

  constructor(bytes: number) {
    this.#limit = bytes;
  }

  fits(held: Held): boolean {
    return this.#taken + this.#cost(held) <= this.#limit;
  }

  /** Returns what gives it back. */
  take(held: Held): () => void {
    const cost = this.#cost(held);
    this.#taken += cost;
    if (!Buffer.isBuffer(held)) {
      return () => {
        this.#taken -= cost;
      };
    }
    this.#holders.set(held, (this.#holders.get(held) ?? 0) + 1);
    return () => {
      const others = this.#holders.get(held)! - 1;
      if (others > 0) {
        this.#holders.set(held, others);
        return;
      }
      this.#holders.delete(held);
      this.#taken -= held.byteLength;
    };
  }

  #cost(held: Held): number {
    if (Buffer.isBuffer(held)) return this.#holders.has(held) ? 0 : held.byteLength;
    return typeof held === 'string' ? held.length : LEAST_STREAM_BYTES;
  }
}
