import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { streamBytes } from '../../../src/format/stream.js';
import { AnswerMonitor } from '../../../src/http/answers/answer-monitor.js';

/** Time to make each MB: with one reader, the event loop is fully busy. */
const CHUNK_MS = 5;

let app: FastifyInstance;
let monitor: AnswerMonitor;
const sockets: Socket[] = [];

beforeEach(async () => {
  app = Fastify({ forceCloseConnections: true });
  monitor = new AnswerMonitor();
  app.get('/', async (_request, reply) => {
    monitor.watch(reply);
    return reply.send(
      streamBytes({
        byteLength: 2 ** 34,
        copy() {
          for (const end = performance.now() + CHUNK_MS; performance.now() < end; );
        },
      }),
    );
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

/** Connects a client that has begun to read its answer. */
async function reader(): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'readable');
  return socket.resume();
}

describe('answers', () => {
  it('count while the event loop is busy, until their clients have disconnected', async () => {
    expect(monitor.crowded).toBe(0);
    const clients = [await reader(), await reader(), await reader()];
    await expect.poll(() => monitor.crowded).toBe(3);
    clients[0].destroy();
    await expect.poll(() => monitor.crowded).toBe(2);
    for (const client of clients) client.destroy();
    await expect.poll(() => monitor.crowded).toBe(0);
  });

  it('do not count while their clients read nothing', async () => {
    const clients = [await reader(), await reader(), await reader()];
    for (const client of clients) client.pause();
    // Answers are written until the buffers are full.
    await expect.poll(() => monitor.crowded).toBe(0);
    await setTimeout(300);
    expect(monitor.crowded).toBe(0);
    // One client that reads keeps the event loop busy, but delays no other.
    clients[0].resume();
    await expect.poll(() => monitor.crowded).toBe(1);
  });
});
