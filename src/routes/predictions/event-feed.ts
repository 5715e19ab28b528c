import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { JobEvent } from '../../predictions/board/board.js';
import type { PredictionRecord } from '../../record/record.js';
import { type PredictionView, viewOf } from './view.js';

/** Messages that may wait for a listener that does not read; it is dropped with the next. */
const MAX_WAITING = 16;

/** Proxies end connections on which nothing happens; a comment now and then is something. */
const KEEP_ALIVE_MS = 15_000;

const KEEP_ALIVE = Buffer.from(': still here\n\n');

/** Whether nothing further happens to a prediction. */
export const isOver = ({ status }: PredictionRecord): boolean => status !== 'queued' && status !== 'running';

/** One server-sent event. */
const message = (event: string, data: unknown) =>
  Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);

/** The event that tells a whole record. */
export const recordMessage = (record: PredictionRecord): Buffer => message(record.status, viewOf(record));

/**
 * The changes of one prediction that is being made, for all who follow it: each message is written once, and the same bytes
 * go to every listener.
 */
export class EventFeed {
  /** With how many messages each has not taken. */
  readonly #listeners = new Map<Readable, number>();
  readonly #keepAlive: NodeJS.Timeout;
  readonly #onEnd: () => void;
  #record: PredictionRecord;
  /** The whole record as it is now, once somebody has needed it. */
  #whole: Buffer | null = null;
  #isEnded = false;

  /** @param onEnd is called once, when the prediction is over or the last listener has gone */
  constructor(record: PredictionRecord, onEnd: () => void) {
    this.#record = record;
    this.#onEnd = onEnd;
    this.#keepAlive = setInterval(() => this.#sayStillHere(), KEEP_ALIVE_MS).unref();
  }

  /** A stream of the record as it is now and then of what changes. */
  follow(): Readable {
    const listener = new Readable({ read() {} });
    this.#listeners.set(listener, 1);
    listener.once('close', () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    });
    this.#whole ??= recordMessage(this.#record);
    listener.push(this.#whole);
    if (this.#isEnded) listener.push(null);
    return listener;
  }

  /** Tells all listeners what has happened; after the end of the prediction nothing. */
  tell(event: JobEvent): void {
    if (this.#isEnded) return;
    if ('stage' in event) {
      this.#send(message('stage', event));
      return;
    }
    const { record } = event;
    this.#send(message(record.status, changes(viewOf(this.#record), viewOf(record))));
    this.#record = record;
    this.#whole = null;
    if (!isOver(record)) return;
    // A slow client may take long to read this; its record is still to get its statistics, which are no event.
    for (const listener of this.#listeners.keys()) listener.push(null);
    this.#end();
  }

  #send(bytes: Buffer): void {
    for (const [listener, waiting] of this.#listeners) {
      const isRead = listener.readableLength === 0;
      if (!isRead && waiting >= MAX_WAITING) {
        listener.destroy();
        continue;
      }
      this.#listeners.set(listener, isRead ? 1 : waiting + 1);
      listener.push(bytes);
    }
  }

  #sayStillHere(): void {
    for (const listener of this.#listeners.keys()) {
      if (listener.readableLength === 0) listener.push(KEEP_ALIVE);
    }
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearInterval(this.#keepAlive);
    this.#onEnd();
  }
}

/** What a record says otherwise than the one before, and which it is. */
function changes(before: PredictionView, after: PredictionView): Partial<PredictionView> {
  const changed = (Object.keys(after) as (keyof PredictionView)[]).filter(
    (key) => before[key] !== after[key] && !isDeepStrictEqual(before[key], after[key]),
  );
  const fields = Object.fromEntries(changed.map((key) => [key, after[key]]));
  return { id: after.id, status: after.status, ...fields };
}
