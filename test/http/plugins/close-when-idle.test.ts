import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeWhenIdle } from '../../../src/http/plugins/close-when-idle.js';

/** More bytes than sockets buffer: a part waits in the server while the client does not read. */
const LARGE = Buffer.alloc(20 * 2 ** 20, 7);

let app: FastifyInstance;
let url: string;
const agent = new Agent({ keepAlive: true });
beforeEach(async () => {
  app = Fastify({ forceCloseConnections: 'idle', return503OnClosing: false });
  await app.register(closeWhenIdle, { receivingMilliseconds: 300 });
  app.post('/sent', async ({ body }) => body);
  app.get('/large', async () => LARGE);
  app.get('/small', async () => 'small');
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

/** Returns an answer after its head, before its body is read. */
const answerOf = (path: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    get(url + path, { agent }, (response) => resolve(response.pause())).on('error', reject);
  });

async function lengthOf(response: IncomingMessage): Promise<number> {
  let length = 0;
  for await (const chunk of response) length += (chunk as Buffer).length;
  return length;
}

describe('a server that closes', () => {
  it('sends complete answers', async () => {
    const response = await answerOf('/large');
    const closed = app.close();
    expect(await lengthOf(response)).toBe(LARGE.length);
    await closed;
  });

  it('closes connections that clients keep open, whether they were used or not', async () => {
    await lengthOf(await answerOf('/small'));
    const unused = connect(Number(new URL(url).port), '127.0.0.1');
    await once(unused, 'connect');
    // It is certainly accepted once the server has answered on a later connection.
    await lengthOf(await answerOf('/small'));
    const ended = once(unused.resume(), 'close');
    await app.close();
    await ended;
  });

  it('sends all answers of one connection', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const head = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
    socket.write(head('/large') + head('/small'));
    await once(socket, 'readable');
    const closed = app.close();
    let length = 0;
    let tail = '';
    for await (const chunk of socket) {
      length += (chunk as Buffer).length;
      tail = (chunk as Buffer).toString('latin1').slice(-5);
    }
    await closed;
    expect(length).toBeGreaterThan(LARGE.length);
    expect(tail).toBe('small');
  });

  it('waits a limited time for the rest of a request', async () => {
    const post = async () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.write(
        'POST /sent HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nab',
      );
      await once(socket, 'connect');
      return socket;
    };
    const [finished, abandoned] = [await post(), await post()];
    // It is certainly received once the server has answered on a later connection.
    await lengthOf(await answerOf('/small'));
    const closed = app.close();
    finished.write('cd');
    const ended = once(abandoned.resume(), 'close');
    expect(Buffer.concat(await finished.toArray()).toString()).toMatch(/^HTTP\/1\.1 200 .*abcd$/s);
    await ended;
    await closed;
  });
});
