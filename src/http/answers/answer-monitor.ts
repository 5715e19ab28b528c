import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { FastifyReply } from 'fastify';
import { whenClosed } from './when-closed.js';

/** How often it looks: less than a moment that anyone would notice. */
const INTERVAL_MS = 100;

/** Share of time from which the event loop counts as busy: then writing one answer delays the others. */
const BUSY = 0.9;

interface Answer {
  readonly bytesWritten: () => number;
  /** When it was last looked at. */
  written: number;
  isMoving: boolean;
}

/** Watches answers that are being written, and says how many of them slow each other down. */
export class AnswerMonitor {
  readonly #answers = new Set<Answer>();
  #timer: NodeJS.Timeout | null = null;
  #before: EventLoopUtilization | null = null;
  #isBusy = false;

  /** Watches an answer until it is over. */
  watch(reply: FastifyReply): void {
    const { socket } = reply.raw;
    const bytesWritten = () => socket?.bytesWritten ?? 0;
    const answer: Answer = { bytesWritten, written: bytesWritten(), isMoving: true };
    this.#answers.add(answer);
    whenClosed(reply, () => this.#answers.delete(answer));
    this.#timer ??= setInterval(() => this.#look(), INTERVAL_MS).unref();
    this.#before ??= performance.eventLoopUtilization();
  }

  /**
   * How many answers are written at the same time while there is no time left for more; 0 while there is. Those whose
   * clients do not read cost no time, and do not count.
   */
  get crowded(): number {
    if (!this.#isBusy) return 0;
    let count = 0;
    for (const { isMoving } of this.#answers) if (isMoving) count++;
    return count;
  }

  #look(): void {
    const now = performance.eventLoopUtilization();
    this.#isBusy = performance.eventLoopUtilization(now, this.#before!).utilization >= BUSY;
    this.#before = now;
    for (const answer of this.#answers) {
      const written = answer.bytesWritten();
      answer.isMoving = written > answer.written;
      answer.written = written;
    }
    if (this.#answers.size > 0) return;
    clearInterval(this.#timer!);
    this.#timer = null;
    this.#before = null;
    this.#isBusy = false;
  }
}
