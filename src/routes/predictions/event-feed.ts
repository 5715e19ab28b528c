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
const message = (event: string, data: unknown, at?: string) =>
  Buffer.from(`event: ${event}\n${at === undefined ? '' : `id: ${at}\n`}data: ${JSON.stringify(data)}\n\n`);

/** The place of a prediction's last event, whoever tells it; undefined before. */
export const lastPlace = (record: PredictionRecord): string | undefined =>
  isOver(record) ? `${record.status}-${record.generation ?? ''}` : undefined;

/** The event that tells a whole record. */
export const recordMessage = (record: PredictionRecord, at?: string): Buffer =>
  message(record.status, viewOf(record), lastPlace(record) ?? at);

/** The event as it is told to somebody who may have missed others. */
const wholeMessage = (event: JobEvent): Buffer =>
  'stage' in event ? stageMessage(event) : recordMessage(event.record, event.at);

const stageMessage = ({ stage, at }: JobEvent & { readonly stage: string }) =>
  message('stage', { stage }, at);

interface Listener {
  /** Messages that it has not taken. */
  readonly waiting: number;
  /** Places of events that it has heard before they were told here. */
  readonly known: ReadonlySet<string | undefined>;
}

/**
 * The changes of one prediction that is being made, for all who follow it: each message is written once, and the same bytes
 * go to every listener.
 */
export class EventFeed {
  readonly #listeners = new Map<Readable, Listener>();
  /** All events so far, of which a prediction has a handful. */
  readonly #told: JobEvent[] = [];
  readonly #keepAlive: NodeJS.Timeout;
  readonly #onEnd: () => void;
  #record: PredictionRecord;
  /** The whole record as it is now, once somebody has needed it. */
  #whole: Buffer | null = null;
  /** The place of the last event. */
  #at: string | undefined;
  #isEnded = false;

  /** @param onEnd is called once, when the prediction is over or the last listener has gone */
  constructor(record: PredictionRecord, onEnd: () => void) {
    this.#record = record;
    this.#onEnd = onEnd;
    this.#keepAlive = setInterval(() => this.#sayStillHere(), KEEP_ALIVE_MS).unref();
  }

  /** How many events were told so far. */
  get told(): number {
    return this.#told.length;
  }

  /**
   * A stream of the record as it is now and then of what changes.
   *
   * @param missed told instead of the record to somebody who has heard all that was before: events, and how many were told
   * here before those were looked up
   */
  follow(missed: { readonly events: readonly JobEvent[]; readonly before: number } | null = null): Readable {
    const listener = new Readable({ read() {} });
    const known = new Set(missed?.events.map(({ at }) => at));
    this.#listeners.set(listener, { waiting: 1, known });
    listener.once('close', () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    });
    this.#whole ??= recordMessage(this.#record, this.#at);
    if (missed) {
      const since = this.#told.slice(missed.before).filter(({ at }) => !known.has(at));
      for (const event of [...missed.events, ...since]) listener.push(wholeMessage(event));
    } else listener.push(this.#whole);
    if (this.#isEnded) listener.push(null);
    return listener;
  }

  /** Tells all listeners what has happened; after the end of the prediction nothing. */
  tell(event: JobEvent): void {
    if (this.#isEnded) return;
    this.#at = event.at;
    this.#told.push(event);
    if ('stage' in event) {
      this.#whole = null;
      this.#send(stageMessage(event), event.at);
      return;
    }
    const { record } = event;
    const at = lastPlace(record) ?? event.at;
    const changed = changes(viewOf(this.#record), viewOf(record));
    this.#send(message(record.status, changed, at), event.at);
    this.#record = record;
    this.#whole = null;
    if (!isOver(record)) return;
    // A slow client may take long to read this; its record is still to get its statistics, which are no event.
    for (const listener of this.#listeners.keys()) listener.push(null);
    this.#end();
  }

  #send(bytes: Buffer, at: string | undefined): void {
    for (const [listener, { waiting, known }] of this.#listeners) {
      if (at !== undefined && known.has(at)) continue;
      const isRead = listener.readableLength === 0;
      if (!isRead && waiting >= MAX_WAITING) {
        listener.destroy();
        continue;
      }
      this.#listeners.set(listener, { waiting: isRead ? 1 : waiting + 1, known });
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
