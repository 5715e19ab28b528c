import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { send } from '../../src/sources/http.js';
import { unpaused } from '../../src/sources/unpaused.js';

const BYTES = 3_000_000;

/** Starts a server that sends a head and a number of bytes, and closes the connection. */
async function closing(head: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nconnection: close\r\n${head}\r\n`);
      socket.end(Buffer.alloc(BYTES));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.pt`;
}

/** Reads slowly, with a pause for each piece, and returns the number of bytes. */
async function readSlowly(body: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    await setTimeout(5);
  }
  return bytes;
}

describe('a body that is read slowly while its server has closed the connection', () => {
  const { signal } = new AbortController();
  const request = { method: 'GET', signal } as const;

  it('is read to its end', async () => {
    for (const head of [`content-length: ${BYTES}\r\n`, '']) {
      const { body } = await send(await closing(head), request);
      expect(await readSlowly(body!)).toBe(BYTES);
    }
  });

  it('breaks off if it ends too early, and the process continues', async () => {
    const { body } = await send(await closing(`content-length: ${2 * BYTES}\r\n`), request);
    await expect(readSlowly(body!)).rejects.toThrow();
  });

  it('is given up if more than the limit waits', async () => {
    const dispatcher = new Agent().compose(unpaused(BYTES / 10));
    const { body } = await fetch(await closing(''), { dispatcher });
    await expect(readSlowly(body!)).rejects.toThrow();
  });
});
