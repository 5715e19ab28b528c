import { getHeapStatistics } from 'node:v8';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { OverloadedError } from '../../predictions/admission.js';
import { MEMORY_LIMIT } from '../../system/memory.js';
import { isProbe } from './authentication.js';

/**
 * Limit as a share of V8's heap, which holds parsed requests, not weights. Above it, V8 spends most of its time on
 * garbage collection.
 */
const HEAP_SHARE = 0.8;

/** Limit as a share of all memory. Predictions are accepted only up to far less, so this catches the unforeseen. */
const RESIDENT_SHARE = 0.9;

const RETRY_AFTER_SECONDS = 2;

/** Time between two measurements. */
const INTERVAL_MS = 1000;

/** Time between two measurements of the event loop's delay. */
const RESOLUTION_MS = 20;

const MESSAGES = {
  'event loop': 'the service is overloaded; try again',
  memory: 'the service is short of memory; try again',
};

export interface PressureOptions {
  /**
   * Limit of the event loop's average delay over a second; 0 for no limit. Reading the largest body takes about 100 ms,
   * once, and writing 100 downloads at full speed takes about as long in each turn, so the delay reaches a second only
   * if nothing is answered in time.
   */
  readonly maxEventLoopDelayMilliseconds: number;
  readonly maxHeapBytes?: number;
  readonly maxResidentBytes?: number;
  readonly onRefusal: (reason: 'event loop' | 'memory') => void;
}

/**
 * Refuses requests with 503 while the event loop is late or memory is nearly used up. It does not use
 * @fastify/under-pressure, whose timer throws, and so ends the process, if no file can be opened.
 */
export const pressure = fastifyPlugin(
  async (
    app: FastifyInstance,
    {
      maxEventLoopDelayMilliseconds,
      maxHeapBytes = HEAP_SHARE * getHeapStatistics().heap_size_limit,
      maxResidentBytes = RESIDENT_SHARE * MEMORY_LIMIT,
      onRefusal,
    }: PressureOptions,
  ) => {
    const delay = new LoopDelay();
    let reason: keyof typeof MESSAGES | null = null;

    function measure(): void {
      const milliseconds = delay.take();
      if (maxEventLoopDelayMilliseconds > 0 && milliseconds > maxEventLoopDelayMilliseconds) {
        reason = 'event loop';
      } else if (getHeapStatistics().used_heap_size > maxHeapBytes || residentBytes() > maxResidentBytes) {
        reason = 'memory';
      } else {
        reason = null;
      }
    }
    const timer = setInterval(() => {
      if (delay.tick() >= INTERVAL_MS) measure();
    }, RESOLUTION_MS).unref();
    app.addHook('onClose', async () => clearInterval(timer));

    app.addHook('onRequest', async (request) => {
      if (reason === null || isProbe(request)) return;
      onRefusal(reason);
      throw new OverloadedError(reason, RETRY_AFTER_SECONDS, MESSAGES[reason]);
    });
  },
);

/**
 * Measures the event loop's delay as an average over time: a turn of one second counts a hundred times as much as a
 * turn of ten milliseconds, since a hundred times as many requests arrive in it.
 */
class LoopDelay {
  #last = performance.now();
  #sum = 0;
  #squares = 0;

  /** Called every `RESOLUTION_MS`, or as late as the loop is. Returns the milliseconds since the last `take`. */
  tick(): number {
    const now = performance.now();
    const turn = now - this.#last;
    this.#last = now;
    this.#sum += turn;
    this.#squares += turn * turn;
    return this.#sum;
  }

  /** Returns the average delay since the last call, in milliseconds. */
  take(): number {
    const delay = this.#sum === 0 ? 0 : this.#squares / this.#sum - RESOLUTION_MS;
    this.#sum = 0;
    this.#squares = 0;
    return Math.max(0, delay);
  }
}

/** Returns 0 if the size cannot be read: the process may have no file descriptor left to read it. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}
