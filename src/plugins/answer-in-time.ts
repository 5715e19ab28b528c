import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { RequestTimeoutError } from './request-signal.js';

/**
 * Answers with 503 what a route has not begun to answer after a time, so that a disk that hangs ends no connection without
 * a word. The route goes on, and what it comes to is dropped.
 */
export const answerInTime = fastifyPlugin(
  async (app: FastifyInstance, { milliseconds }: { milliseconds: number }) => {
    app.addHook('onRoute', (route) => {
      const { handler } = route;
      route.handler = function (request, reply) {
        const answer: unknown = handler.call(this, request, reply);
        return answer instanceof Promise ? inTime(answer, milliseconds) : answer;
      };
    });
  },
);

async function inTime<T>(answer: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RequestTimeoutError(milliseconds)), milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
