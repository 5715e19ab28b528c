import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LEAST_STREAM_BYTES } from '../../../src/format/stream.js';
import { answerInTime } from '../../../src/http/plugins/answer-in-time.js';
import { problems } from '../../../src/http/plugins/problems.js';
import { unreadAnswers } from '../../../src/http/plugins/unread-answers.js';

/** More bytes than the kernel buffers of an unread answer. */
const LARGE = 32 * 2 ** 20;
const ROOM = 3 * LARGE;

let app: FastifyInstance;
let url: string;
const refusals: string[] = [];
const sockets: Socket[] = [];
const streams: Readable[] = [];
const shared = Buffer.alloc(LARGE);

const endless = () => {
  const stream = new Readable({
    read() {
      setImmediate(() => this.push(Buffer.alloc(2 ** 16)));
    },
  });
  streams.push(stream);
  return stream;
};

beforeEach(async () => {
  refusals.length = 0;
  streams.length = 0;
  app = Fastify({ forceCloseConnections: true });
  await app.register(problems);
  await app.register(answerInTime, { milliseconds: 100 });
  await app.register(unreadAnswers, {
    // One client may use half of it.
    bytes: 2 * ROOM,
    clientOf: ({ headers }) => headers.authorization ?? '',
    onRefusal: (reason) => refusals.push(reason),
  });
  app.get('/text', async () => 'x'.repeat(LARGE));
  app.get('/json', async () => ({ text: 'x'.repeat(LARGE) }));
  app.get('/bytes', async (_request, reply) => reply.header('etag', '"1"').send(Buffer.alloc(LARGE)));
  app.get('/shared', async (_request, reply) => reply.send(shared));
  app.get('/stream', async (_request, reply) => reply.send(endless()));
  app.get('/late', async (_request, reply) => {
    await setTimeout(200);
    return reply.send(endless());
  });
  app.get('/small', async () => 'small');
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

/** Sends a request and reads only the first line of the answer, which it returns. */
async function unread(path: string, client = 'x'): Promise<string> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${client}\r\n\r\n`);
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  return first.toString('latin1').split('\r\n', 1)[0];
}

const OK = 'HTTP/1.1 200 OK';
const FULL = 'HTTP/1.1 503 Service Unavailable';

describe('unread answers', () => {
  it.each(['/text', '/json', '/bytes'])('%s: are refused once they hold too much together', async (path) => {
    const statuses: string[] = [];
    for (let index = 0; index < 5; index++) statuses.push(await unread(path));
    expect(statuses.slice(0, 2)).toEqual([OK, OK]);
    expect(statuses.slice(3)).toEqual([FULL, FULL]);
    const refused = await fetch(url + path, { headers: { authorization: 'x' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.has('etag')).toBe(false);
    expect(await refused.json()).toMatchObject({ status: 503 });
    expect(new Set(refusals)).toEqual(new Set(['answers']));
    expect(await (await fetch(`${url}/small`)).text()).toBe('small');
  });

  it('are refused if they are streams too', async () => {
    for (let index = 0; index < 2; index++) expect(await unread('/bytes')).toBe(OK);
    // Streams that use up the rest of the room.
    for (let index = 0; index < LARGE / LEAST_STREAM_BYTES - 1; index++) {
      expect(await unread('/stream')).toBe(OK);
    }
    const { length } = streams;
    expect(await unread('/stream')).toBe(FULL);
    // No stream was started.
    expect(streams).toHaveLength(length);
  });

  it('count once if they share their bytes', async () => {
    for (let index = 0; index < 10; index++) expect(await unread('/shared')).toBe(OK);
    for (let index = 0; index < 2; index++) expect(await unread('/text')).toBe(OK);
    expect(await unread('/text')).toBe(FULL);
  });

  it('of one client leave room for those of others', async () => {
    for (let index = 0; index < 4; index++) await unread('/text');
    expect(await unread('/text')).toBe(FULL);
    expect(await unread('/small', 'other')).toBe(OK);
    for (let index = 0; index < 3; index++) expect(await unread('/text', 'other')).toBe(OK);
    expect(await unread('/text', 'third')).toBe(FULL);
  });

  it('that are shared still count when the first client has disconnected', async () => {
    await unread('/shared');
    await unread('/shared');
    sockets[0].destroy();
    await setTimeout(50);
    for (let index = 0; index < 2; index++) expect(await unread('/text')).toBe(OK);
    expect(await unread('/text')).toBe(FULL);
  });

  it('release their room when their clients disconnect', async () => {
    for (let index = 0; index < 2; index++) await unread('/text');
    await unread('/stream');
    expect(await unread('/text')).toBe(FULL);
    for (const socket of sockets.splice(0)) socket.destroy();
    await expect.poll(() => unread('/text')).toBe(OK);
    expect(streams[0].destroyed).toBe(true);
  });

  it('are not ended because they take longer than an answer may take to begin', async () => {
    const answer = await fetch(`${url}/stream`);
    const reader = answer.body!.getReader();
    for (let waited = 0; waited < 300; waited += 20) {
      expect((await reader.read()).done).toBe(false);
      await setTimeout(20);
    }
    await reader.cancel();
  });

  it('are destroyed if they are too late to be sent', async () => {
    expect(await unread('/late')).toBe(FULL);
    await expect.poll(() => streams[0]?.destroyed).toBe(true);
  });
});
