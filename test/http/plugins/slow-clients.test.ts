import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import type { ByteSource } from '../../../src/format/layout.js';
import { streamBytes } from '../../../src/format/stream.js';
import { problems } from '../../../src/http/plugins/problems.js';
import { PATIENCE, type Patience, receiving, slowClients } from '../../../src/http/plugins/slow-clients.js';

/** More bytes than any socket buffers. */
const LARGE = 2 ** 30;

/** More bytes than the kernel buffers on both sides, plus those that the stream has ready. */
const BUFFERED = 32 * 2 ** 20;

let app: FastifyInstance;
/** Number of bytes of large answers that were made. */
let made = 0;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

const large: ByteSource = {
  byteLength: LARGE,
  copy(start, end) {
    made += end - start;
  },
};

async function start(patience: Partial<Patience>, openFiles?: number) {
  const all = { ...PATIENCE, checkMilliseconds: 20, ...patience };
  app = Fastify({
    ...receiving(all),
    connectionTimeout: 60_000,
    forceCloseConnections: true,
  });
  await app.register(problems);
  await app.register(slowClients, { patience: all, openFiles });
  made = 0;
  app.get('/large', async (_request, reply) => reply.send(streamBytes(large)));
  app.get('/whole/text', async () => 'x'.repeat(BUFFERED));
  app.get('/whole/bytes', async () => Buffer.alloc(BUFFERED));
  app.get('/small', async (_request, reply) =>
    reply.send(streamBytes({ byteLength: 10, copy() {} } satisfies ByteSource)),
  );
  app.get<{ Querystring: { ms: string } }>('/late', async ({ query }) => {
    await setTimeout(Number(query.ms));
    return 'late';
  });
  app.post('/body', async ({ body }) => JSON.stringify(body).length);
  await app.listen({ host: '127.0.0.1', port: 0 });
}

function open(text = ''): Socket {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(text);
  sockets.push(socket);
  return socket;
}

/** Returns all data, to the end. */
async function textOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  if (!socket.destroyed) await once(socket, 'close');
  return text;
}

const connections = () =>
  new Promise<number>((resolve) => {
    app.server.getConnections((_, count) => resolve(count));
  });

const head = (line: string, headers = '') => `${line} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`;
const postHead = (length: number) =>
  head('POST /body', `content-type: application/json\r\ncontent-length: ${length}\r\n`);

describe('a client that sends slowly', () => {
  it('loses its connection if it sends nothing', async () => {
    await start({ headersMilliseconds: 200 });
    await textOf(open());
    await expect.poll(connections).toBe(0);
  });

  it('loses it if its headers arrive byte by byte', async () => {
    await start({ headersMilliseconds: 200, requestMilliseconds: 60_000 });
    const socket = open('GET /small HTTP/1.1\r\n');
    const drip = setInterval(() => socket.write('x-header: x\r\n'), 20);
    const text = await textOf(socket).finally(() => clearInterval(drip));
    expect(text).toMatch(/^HTTP\/1\.1 408/);
    await expect.poll(connections).toBe(0);
  });

  it('loses it if its body arrives byte by byte', async () => {
    await start({ headersMilliseconds: 200, requestMilliseconds: 400 });
    const socket = open(postHead(900));
    const drip = setInterval(() => socket.write('1'), 20);
    const text = await textOf(socket).finally(() => clearInterval(drip));
    expect(text).toMatch(/^HTTP\/1\.1 408/);
    await expect.poll(connections).toBe(0);
  });

  it('is answered if it closes its side of the connection and reads', async () => {
    await start({});
    const socket = open();
    socket.end(head('GET /small', 'connection: close\r\n'));
    expect(await textOf(socket)).toMatch(/^HTTP\/1\.1 200/);
  });
});

describe('a client that does not read its answer', () => {
  it('loses its connection, and no more was made than buffers hold', async () => {
    await start({ stallMilliseconds: 500 });
    const clients = Array.from({ length: 5 }, () => open(head('GET /large')).pause());
    await expect.poll(connections).toBe(clients.length);
    await expect.poll(() => made).toBeGreaterThan(0);
    await expect.poll(connections).toBe(0);
    expect(made).toBeLessThan(clients.length * BUFFERED);
  });

  it.each(['text', 'bytes'])('loses it if the whole answer is ready at once, as %s', async (form) => {
    await start({ stallMilliseconds: 200 });
    open(head(`GET /whole/${form}`)).pause();
    await expect.poll(connections).toBe(1);
    await expect.poll(connections, { timeout: 5000 }).toBe(0);
  });

  it('loses it if the answer waited for one before it', async () => {
    await start({ stallMilliseconds: 200 });
    const began = performance.now();
    open(head('GET /small') + head('GET /whole/text')).pause();
    open(head('GET /late?ms=2000') + head('GET /whole/text')).pause();
    await expect.poll(connections).toBe(2);
    await expect.poll(connections, { timeout: 2000 }).toBe(1);
    await expect.poll(connections, { timeout: 5000 }).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(2000);
  });

  it('keeps it if it reads, however slowly', async () => {
    await start({ stallMilliseconds: 1000 });
    const socket = open(head('GET /large')).pause();
    let read = 0;
    for (const end = performance.now() + 3000; performance.now() < end; ) {
      await setTimeout(10);
      read += (socket.read() as Buffer | null)?.length ?? 0;
    }
    expect(read).toBeGreaterThan(0);
    expect(await connections()).toBe(1);
  });

  it('has a separate time limit for each answer: the next may take long to begin', async () => {
    await start({ stallMilliseconds: 200 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statusOf = (path: string) =>
      new Promise<number>((resolve, reject) => {
        const { port } = app.server.address() as AddressInfo;
        get({ agent, host: '127.0.0.1', port, path }, (response: IncomingMessage) => {
          response.resume().once('end', () => resolve(response.statusCode!));
        }).once('error', reject);
      });
    expect(await statusOf('/small')).toBe(200);
    expect(await statusOf('/late?ms=600')).toBe(200);
    agent.destroy();
    // On the same connection, requested before the first was answered.
    const socket = open(head('GET /small') + head('GET /late?ms=600', 'connection: close\r\n'));
    expect(await textOf(socket)).toMatch(/\r\n\r\nlate$/);
  });
});

describe('connections', () => {
  it('are limited: one more is closed, and accepted when there is room again', async () => {
    await start({ connections: 2 });
    const held = [open(), open()];
    await expect.poll(connections).toBe(2);
    expect(await textOf(open(head('GET /small')))).toBe('');
    held[0].destroy();
    await expect.poll(connections).toBe(1);
    expect(await textOf(open(head('GET /small', 'connection: close\r\n')))).toMatch(/^HTTP\/1\.1 200/);
  });

  it.each([
    ['as many as there are files for, and some to spare', 1024, 1024 - 256],
    ['some where there are hardly any files', 64, 16],
    ['no more for any number of files', Number.POSITIVE_INFINITY, PATIENCE.connections],
  ])('are %s', async (_, openFiles, expected) => {
    await start({}, openFiles);
    expect(app.server.maxConnections).toBe(expected);
  });
});
