import { getHeapStatistics } from 'node:v8';
import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { MEMORY_LIMIT } from '../memory.js';
import { OverloadedError } from '../predictions/admission.js';

/** Of V8's heap: what is parsed is there, weights are not. Beyond it most time goes into looking for what can be freed. */
const HEAP_SHARE = 0.8;

/** Of all memory: predictions are taken in up to far less, so this is for what nobody has foreseen. */
const RESIDENT_SHARE = 0.9;

const RETRY_AFTER_SECONDS = 2;

/** Probes must not be turned away, and who looks for the reason must see the metrics. */
const EXEMPT = new Set(['/livez', '/readyz', '/metrics']);

const MESSAGES: Readonly<Record<string, string>> = {
  eventLoopDelay: 'the service is late with everything; try again',
  heapUsedBytes: 'the service is short of memory; try again',
  rssBytes: 'the service is short of memory; try again',
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

/** Refuses requests with 503 while the event loop is late or memory nearly used up. */
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
    await app.register(underPressure, {
      maxEventLoopDelay: maxEventLoopDelayMilliseconds,
      maxHeapUsedBytes: maxHeapBytes,
      maxRssBytes: maxResidentBytes,
      pressureHandler: async ({ routeOptions }, _reply, type) => {
        if (EXEMPT.has(routeOptions.url ?? '')) return;
        const reason = type === 'eventLoopDelay' ? 'event loop' : 'memory';
        onRefusal(reason);
        throw new OverloadedError(reason, RETRY_AFTER_SECONDS, MESSAGES[type] ?? 'the service is overloaded');
      },
    });
  },
);
