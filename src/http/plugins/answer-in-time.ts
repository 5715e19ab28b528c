import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { RequestTimeoutError } from '../answers/request-signal.js';

/**
 * Answers with 503 if a route has not begun to answer after a time, so that a disk that hangs does not cause
 * connections to end without an answer. The route continues, and its late answer is dropped.
 */
export const answerInTime = fastifyPlugin(
  async (app: FastifyInstance, { milliseconds }: { milliseconds: number }) => {
    // A route's promise resolves to its reply, so it settles when the answer has ended. Sending may take long, so it
    // does not count.
    const begun = new WeakSet<FastifyReply>();
    app.addHook('onSend', async (_request, reply) => {
      begun.add(reply);
    });
    app.addHook('onRoute', (route) => {
      const { handler } = route;
      route.handler = function (request, reply) {
        const answer: unknown = handler.call(this, request, reply);
        return answer instanceof Promise ? inTime(answer, reply) : answer;
      };
    });

    async function inTime<T>(answer: Promise<T>, reply: FastifyReply): Promise<T> {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          if (begun.has(reply)) return;
          dropLateStreams(reply);
          reject(new RequestTimeoutError(milliseconds));
        }, milliseconds);
      });
      try {
        return await Promise.race([answer, late]);
      } finally {
        clearTimeout(timer);
      }
    }
  },
);

/** Fastify ignores a second answer. If that is a stream, this closes it, since Fastify would leave its file open. */
function dropLateStreams(reply: FastifyReply): void {
  const { send } = reply;
  reply.send = function (this: FastifyReply, payload?: unknown) {
    if (reply.sent && payload instanceof Readable) payload.destroy();
    return send.call(this, payload as never);
  };
}
