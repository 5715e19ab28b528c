import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { JobEvent } from '../../predictions/board/board.js';
import type { PredictionRecord } from '../../record/record.js';
import { type PredictionView, viewOf } from './view.js';

/** Limit of messages that wait for a listener that does not read. The next message disconnects it. */
const MAX_WAITING = 16;

/** Time between comments on an idle stream: proxies close idle connections. */
const KEEP_ALIVE_MS = 15_000;

const KEEP_ALIVE = Buffer.from(': still here\n\n');

/** Returns true if a prediction has ended, so that there are no further events. */
export const isOver = ({ status }: PredictionRecord): boolean => status !== 'queued' && status !== 'running';

/** One server-sent event. */
const message = (event: string, data: unknown, at?: string) =>
  Buffer.from(`event: ${event}\n${at === undefined ? '' : `id: ${at}\n`}data: ${JSON.stringify(data)}\n\n`);

/** Returns the place of a prediction's last event, which is the same in every service; undefined before the end. */
export const lastPlace = (record: PredictionRecord): string | undefined =>
  isOver(record) ? `${record.status}-${record.generation ?? ''}` : undefined;

/** Returns the event that sends a whole record. */
export const recordMessage = (record: PredictionRecord, at?: string): Buffer =>
  message(record.status, viewOf(record), lastPlace(record) ?? at);

/** Returns an event in the form for a client that may have missed others. */
const wholeMessage = (event: JobEvent): Buffer =>
  'stage' in event ? stageMessage(event) : recordMessage(event.record, event.at);

const stageMessage = ({ stage, at }: JobEvent & { readonly stage: string }) =>
  message('stage', { stage }, at);

interface Listener {
  /** Number of messages that the listener has not read. */
  readonly waiting: number;
  /** Places of events that the listener had received before they were sent here. */
  readonly known: ReadonlySet<string | undefined>;
}

/**
 * Sends the changes of one prediction in progress to all clients that follow it. Each message is serialised once, and
 * the same bytes go to every listener.
 */
export class EventFeed {
  readonly #listeners = new Map<Readable, Listener>();
  /** All events so far. A prediction has only a few. */
  readonly #told: JobEvent[] = [];
  readonly #keepAlive: NodeJS.Timeout;
  readonly #onEnd: () => void;
  #record: PredictionRecord;
  /** The whole record as it is now, serialised once a listener needs it. */
  #whole: Buffer | null = null;
  /** The place of the last event. */
  #at: string | undefined;
  #isEnded = false;

  /** @param onEnd called once, when the prediction has ended or the last listener has disconnected */
  constructor(record: PredictionRecord, onEnd: () => void) {
    this.#record = record;
    this.#onEnd = onEnd;
    this.#keepAlive = setInterval(() => this.#sayStillHere(), KEEP_ALIVE_MS).unref();
  }

  /** Number of events sent so far. */
  get told(): number {
    return this.#told.length;
  }

  /**
   * Returns a stream of the current record, followed by the changes.
   *
   * @param missed for a client that has received earlier events: the events that follow them, which are sent in place
   * of the record, and the number of events sent here before those were looked up
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

  /** Sends an event to all listeners. After the end of the prediction it does nothing. */
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
    // A slow client may take long to read this. The record's statistics may follow later, but they are not an event.
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

/** Returns the fields of a record that have changed, with the id. */
function changes(before: PredictionView, after: PredictionView): Partial<PredictionView> {
  const changed = (Object.keys(after) as (keyof PredictionView)[]).filter(
    (key) => before[key] !== after[key] && !isDeepStrictEqual(before[key], after[key]),
  );
  const fields = Object.fromEntries(changed.map((key) => [key, after[key]]));
  return { id: after.id, status: after.status, ...fields };
}
