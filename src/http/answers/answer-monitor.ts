import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { FastifyReply } from 'fastify';
import { whenClosed } from './when-closed.js';

/** Time between two looks at the answers: too short for anyone to notice. */
const INTERVAL_MS = 100;

/** Utilisation of the event loop above which it counts as busy. Then writing one answer delays the others. */
const BUSY = 0.9;

interface Answer {
  readonly bytesWritten: () => number;
  /** Bytes written at the last look. */
  written: number;
  isMoving: boolean;
}

/** Watches the answers that are being written, and counts those that slow each other down. */
export class AnswerMonitor {
  readonly #answers = new Set<Answer>();
  #timer: NodeJS.Timeout | null = null;
  #before: EventLoopUtilization | null = null;
  #isBusy = false;

  /** Watches an answer until it has ended. */
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
   * Number of answers that are being written while the event loop is busy; 0 while it is not. Answers whose clients do
   * not read take no time and do not count.
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
