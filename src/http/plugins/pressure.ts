import { getHeapStatistics } from 'node:v8';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { OverloadedError } from '../../predictions/admission.js';
import { MEMORY_LIMIT } from '../../system/memory.js';
import { isProbe } from './authentication.js';

/** Share of V8's heap, which holds parsed requests, not weights. Beyond it most time goes into looking for what can be freed. */
const HEAP_SHARE = 0.8;

/** Share of all memory. Predictions are accepted up to far less; this catches everything unforeseen. */
const RESIDENT_SHARE = 0.9;

const RETRY_AFTER_SECONDS = 2;

/** How often it measures. */
const INTERVAL_MS = 1000;

/** How finely the event loop's delay is measured. */
const RESOLUTION_MS = 20;

const MESSAGES = {
  'event loop': 'the service is overloaded; try again',
  memory: 'the service is short of memory; try again',
};

export interface PressureOptions {
  /**
   * How late the event loop may be on average over a second; 0 for any time. Reading the largest body takes it for some
   * 100 ms, once, and writing 100 downloads at full speed about as long for each turn: it is a second late only where
   * nothing is answered in time.
   */
  readonly maxEventLoopDelayMilliseconds: number;
  readonly maxHeapBytes?: number;
  readonly maxResidentBytes?: number;
  readonly onRefusal: (reason: 'event loop' | 'memory') => void;
}

/**
 * Refuses requests with 503 while the event loop is late or memory nearly used up. Not @fastify/under-pressure: where no
 * file can be opened its timer throws, which ends the process.
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
 * How late the event loop is, on average over time: a turn of a second counts a hundred times as much as one of ten
 * milliseconds, since a hundred times as many requests fall into it.
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

  /** The delay since it was last taken, in milliseconds. */
  take(): number {
    const delay = this.#sum === 0 ? 0 : this.#squares / this.#sum - RESOLUTION_MS;
    this.#sum = 0;
    this.#squares = 0;
    return Math.max(0, delay);
  }
}

/** 0 where it cannot be read: the process may have no file left to read it from. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}
