import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { jsonBody } from '../../../src/http/plugins/json-body.js';
import { refuseMalformed } from '../../../src/http/plugins/malformed-http.js';
import { problems } from '../../../src/http/plugins/problems.js';

const BODY_LIMIT = 100_000;

let app: FastifyInstance;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

async function start(bodiesBytes: number) {
  const refusals: string[] = [];
  app = Fastify({ clientErrorHandler: refuseMalformed, forceCloseConnections: true });
  await app.register(problems);
  await app.register(jsonBody, {
    bodiesBytes,
    bodyLimit: BODY_LIMIT,
    // Each connection is another client, unless a header names the client.
    clientOf: ({ headers, raw }) => String(headers['x-client'] ?? raw.socket.remotePort),
    onRefusal: (reason) => refusals.push(reason),
  });
  app.post('/body', async ({ body }) => body);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { refusals };
}

function open(text: string | Buffer): Socket {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(text);
  sockets.push(socket);
  return socket;
}

/** Returns the head of a request, with a length or in chunks. */
const head = (length: number | null, headers = 'content-type: application/json\r\n') => {
  const framing = length === null ? 'transfer-encoding: chunked' : `content-length: ${length}`;
  return `POST /body HTTP/1.1\r\nhost: x\r\n${headers}${framing}\r\n\r\n`;
};
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

const answerOf = async (socket: Socket) => {
  const [data] = (await once(socket, 'data')) as [Buffer];
  const [answer, body] = data.toString().split('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]), body: JSON.parse(body) as unknown };
};
const statusOf = async (socket: Socket) => (await answerOf(socket)).status;

/** Returns a number with that many digits. */
const digits = (length: number) => '1'.padEnd(length, '0');

describe('bodies that are being received', () => {
  it('are limited by the bytes that have arrived; one more is refused at its end, until there is room', async () => {
    const { refusals } = await start(2 * BODY_LIMIT);
    const most = digits(BODY_LIMIT - 1);
    const held = [open(head(BODY_LIMIT) + most), open(head(null) + chunk(most))];
    const sent = () => statusOf(open(head(2) + 12));
    await expect.poll(sent).toBe(503);
    expect(refusals).toContain('bodies');
    held[0].destroy();
    await expect.poll(sent).toBe(200);
    held[0] = open(head(BODY_LIMIT) + most);
    await expect.poll(sent).toBe(503);
    held[1].write(chunk('0') + chunk(''));
    expect(await statusOf(held[1])).toBe(200);
    await expect.poll(sent).toBe(200);
  });

  it('leave room for other clients, however many one client sends', async () => {
    await start(4 * BODY_LIMIT);
    const type = 'content-type: application/json\r\n';
    const most = digits(BODY_LIMIT - 1);
    const sent = (client: string) => statusOf(open(head(2, `${type}x-client: ${client}\r\n`) + 12));
    for (let k = 0; k < 2; k++) open(head(BODY_LIMIT, `${type}x-client: a\r\n`) + most);
    await expect.poll(() => sent('a')).toBe(503);
    expect(await sent('b')).toBe(200);
  });

  it.each([
    ['are malformed', `${head(null)}${chunk(digits(BODY_LIMIT - 1))}no length\r\n`, 400],
    ['grow too long', head(null) + chunk(digits(BODY_LIMIT)) + chunk('0'), 413],
    ['are not JSON', head(BODY_LIMIT) + '"'.padEnd(BODY_LIMIT), 400],
  ])('take no room once they are refused: those that %s', async (_, text, status) => {
    await start(1);
    for (let k = 0; k < 3; k++) expect(await statusOf(open(text))).toBe(status);
    expect(await statusOf(open(head(BODY_LIMIT) + digits(BODY_LIMIT)))).toBe(200);
  });

  it('are complete, in chunks of any size', async () => {
    await start(1);
    const body = Array.from({ length: 2000 }, (_, k) => k);
    const chunks = [...JSON.stringify(body)].map(chunk).join('');
    expect(await answerOf(open(head(null) + chunks + chunk('')))).toEqual({ status: 200, body });
  });
});

describe('a body in an unsupported form is refused:', () => {
  const json = 'content-type: application/json';
  it.each([
    ['a charset', `${json}; charset=latin1`, /UTF-8/],
    ['a charset in quotes', `${json}; a=b; Charset="utf-16"`, /UTF-8/],
    ['an encoding', `${json}\r\ncontent-encoding: gzip`, /content-encoding/],
    ['two encodings', `${json}\r\ncontent-encoding: identity, br`, /content-encoding/],
    ['a coding of its transfer', `${json}\r\ntransfer-encoding: gzip`, /transfer-encoding/],
  ])('%s', async (_, headers, detail) => {
    await start(BODY_LIMIT);
    const chunks = headers.includes('transfer') ? null : 2;
    const text = head(chunks, `${headers}\r\n`) + (chunks === null ? chunk('12') + chunk('') : 12);
    const answer = await answerOf(open(text));
    expect(answer).toMatchObject({ status: 415, body: { detail: expect.stringMatching(detail) } });
  });

  it.each([
    ['a byte of no character', [0x22, 0xff, 0x22]],
    ['half a surrogate pair', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a character that is cut off', [0x22, 0xe2, 0x82, 0x22]],
  ])('%s', async (_, bytes) => {
    await start(BODY_LIMIT);
    const answer = await answerOf(open(Buffer.concat([Buffer.from(head(bytes.length)), Buffer.from(bytes)])));
    expect(answer).toMatchObject({ status: 400, body: { detail: 'The body is not JSON: it is not UTF-8.' } });
  });

  it.each([`${json}; charset="UTF-8"`, `${json}; charset=utf8`, `${json}\r\ncontent-encoding: identity`])(
    'but not one of %j',
    async (headers) => {
      await start(BODY_LIMIT);
      expect(await answerOf(open(head(4, `${headers}\r\n`) + 1234))).toEqual({
        status: 200,
        body: 1234,
      });
    },
  );

  it('is refused if it holds more objects than any architecture, however small they are', async () => {
    await start(1e6);
    const post = (items: number) =>
      app.inject({
        method: 'POST',
        url: '/body',
        headers: { 'content-type': 'application/json' },
        payload: `[${'{},'.repeat(items)}0]`,
      });
    expect((await post(BODY_LIMIT / 8 - 1)).statusCode).toBe(200);
    const { statusCode, body } = await post(BODY_LIMIT / 8);
    expect(statusCode).toBe(413);
    expect(body).toMatch(/too many objects/);
  });
});
