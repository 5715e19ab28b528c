import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Channel } from '../../src/process/channel.js';

interface Received {
  readonly message: unknown;
  readonly arrays: Float32Array[];
  readonly texts: Uint8Array[];
}

/** Returns the bytes that a channel writes for some messages. */
async function written(messages: readonly Received[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  const channel = new Channel<never, unknown>(socket, () => {});
  for (const { message, arrays, texts } of messages) await channel.send(message, arrays, texts);
  return Buffer.concat(chunks);
}

/** Returns the messages that a channel reads from these chunks. */
async function read(chunks: readonly Buffer[]): Promise<Received[]> {
  const received: Received[] = [];
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const channel = new Channel<unknown, never>(socket, (message, arrays, texts) =>
    received.push({ message, arrays, texts }),
  );
  const ended = once(socket, 'end');
  for (const chunk of chunks) socket.push(chunk);
  socket.push(null);
  await ended;
  channel.close();
  return received;
}

const messages = fc.array(
  fc.record({
    message: fc.oneof(fc.record({ type: fc.string() }), fc.string({ unit: 'binary' }), fc.constant(null)),
    arrays: fc.array(
      fc.oneof(
        fc.constantFrom(new Float32Array(), Float32Array.of(Number.NaN)),
        fc.float32Array({ maxLength: 40 }),
      ),
      { maxLength: 4 },
    ),
    texts: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 3 }),
  }),
  { maxLength: 5 },
);

/** Cuts bytes at fractions of their length. A repeated fraction gives an empty chunk. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  return ends.map((end, k) => bytes.subarray(ends[k - 1] ?? 0, end)).filter((chunk) => chunk.length > 0);
}

describe('a channel', () => {
  it('reads messages and arrays as they were sent, wherever the chunks end', async () => {
    await fc.assert(
      fc.asyncProperty(
        messages,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        async (sent, places) => {
          const bytes = await written(sent);
          expect(await read(cut(bytes, places))).toEqual(sent);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('reads them byte by byte too', async () => {
    const sent = [
      { message: { type: 'a' }, arrays: [new Float32Array(), Float32Array.of(1, -0, 3)], texts: [] },
      { message: 'ä', arrays: [], texts: [Uint8Array.of(1, 2), new Uint8Array()] },
      { message: { type: 'last' }, arrays: [new Float32Array()], texts: [] },
    ];
    const bytes = await written(sent);
    expect(await read([...bytes].map((byte) => Buffer.of(byte)))).toEqual(sent);
  });

  describe('over a socket', () => {
    const server = createServer();
    let [client, accepted]: Socket[] = [];
    beforeAll(async () => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const connection = once(server, 'connection') as Promise<[Socket]>;
      client = connect(port, '127.0.0.1');
      [accepted] = await connection;
    });
    afterAll(() => {
      client.destroy();
      server.close();
    });

    it('carries arrays of any size both ways, and tells when they may be changed', async () => {
      const large = Float32Array.from({ length: 3_000_001 }, (_, k) => Math.fround(Math.sin(k)));
      const arrays = [new Float32Array(), large.subarray(5), new Float32Array(), large.subarray(0, 1)];
      const expected = arrays.map((array) => array.slice());
      const answered = new Promise<Received>((resolve) => {
        const there: Channel<string, string> = new Channel(accepted, (message, received) => {
          void there.send(`${message} back`, received);
        });
        const here = new Channel<string, string>(client, (message, received, texts) =>
          resolve({ message, arrays: received, texts }),
        );
        void here.send('there and', arrays).then(() => large.fill(0));
      });
      const { message, arrays: returned } = await answered;
      expect(message).toBe('there and back');
      expect(returned.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
      expect(
        returned.every((array, k) =>
          Buffer.from(array.buffer, array.byteOffset, array.byteLength).equals(
            Buffer.from(expected[k].slice().buffer),
          ),
        ),
      ).toBe(true);
    });
  });
});
