import { once } from 'node:events';
import { connect } from 'node:net';
import Fastify from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whenClosed } from '../../../src/http/answers/when-closed.js';

const app = Fastify();
const called: string[] = [];
/** Resolves when the client of /late has disconnected. */
let gone: Promise<void> | undefined;

app.get('/early', async (_request, reply) => {
  whenClosed(reply, () => called.push('early'));
  return 'here';
});
app.get('/late', async (_request, reply) => {
  gone = once(reply.raw, 'close').then(() => whenClosed(reply, () => called.push('late')));
  await gone;
  return 'nobody reads this';
});
app.get('/never', () => new Promise(() => {}));
/** True once /behind was requested. */
let behind = false;
app.get('/behind', async (_request, reply) => {
  whenClosed(reply, () => called.push('behind'));
  behind = true;
  return 'nobody comes to read this';
});

let url: string;
beforeAll(async () => {
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app.close());

it('the end of an answer is reported once', async () => {
  expect(await (await fetch(`${url}/early`)).text()).toBe('here');
  await expect.poll(() => called).toEqual(['early']);
});

it('the end of an answer is reported at once if its client has disconnected before', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write('GET /late HTTP/1.1\r\nhost: x\r\n\r\n');
  await expect.poll(() => gone !== undefined).toBe(true);
  socket.destroy();
  await gone;
  expect(called).toContain('late');
});

it('the end of an answer that waits for another is reported when its client disconnects', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\nGET /behind HTTP/1.1\r\nhost: x\r\n\r\n');
  await expect.poll(() => behind).toBe(true);
  socket.destroy();
  await expect.poll(() => called.filter((name) => name === 'behind')).toHaveLength(1);
});
