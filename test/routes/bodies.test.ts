import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tinyGraph } from '../architecture/fixtures.js';
import { startService, type TestService } from '../helpers/service.js';

/** Largest size of a body. There is no room for more than 16 of that size. */
const LARGEST = 16 * 2 ** 20;
const COUNT = 17;

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function announce(line: string, contentType: string): Socket {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1').on('error', () => {});
  socket.write(
    `${line} HTTP/1.1\r\nhost: x\r\ncontent-type: ${contentType}\r\ncontent-length: ${LARGEST}\r\n\r\n `,
  );
  sockets.push(socket);
  return socket;
}

const predict = () => request(service.url).post('/predict').send({ architecture: tinyGraph() });

describe('a client that announces the largest body takes no room from others', () => {
  it.each([
    ['GET /livez', 'application/json'],
    ['GET /nowhere', 'application/json'],
    ['POST /ghns', 'application/json'],
    ['POST /predict', 'text/plain'],
  ])('by leaving when %s with %s is answered', async (line, contentType) => {
    for (let k = 0; k < COUNT; k++) {
      const socket = announce(line, contentType);
      await once(socket, 'data');
      socket.destroy();
    }
    expect((await predict()).status).toBe(200);
  });

  it('by sending nothing more', async () => {
    for (let k = 0; k < COUNT; k++) await once(announce('POST /predict', 'application/json'), 'connect');
    expect((await predict()).status).toBe(200);
  });
});
