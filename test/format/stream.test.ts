import { createHash } from 'node:crypto';
import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { type ByteSource, Layout, ReadyBytes } from '../../src/format/layout.js';
import { streamBytes } from '../../src/format/stream.js';
import { tensorSource } from '../../src/tensor/tensor.js';
import { TensorBytes } from '../../src/tensor/tiling.js';
import { storedSource, tensorOf } from '../tensor/arbitrary.js';
import { read } from './bytes.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Returns a consumer that reads each chunk at the last possible moment, just before it reports that it is done. */
function slowDigest(): { sink: Writable; digest: () => string } {
  const hash = createHash('sha256');
  const sink = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      setTimeout(() => {
        hash.update(chunk);
        done();
      }, 2);
    },
  });
  return { sink, digest: () => hash.digest('hex') };
}

/** 12 MB in two tensors, one tiled, with a header. */
const tensors = [
  tensorOf('tiled', [900, 1000], [70, 999], Math.sin),
  tensorOf('whole', [2_100_001], [2_100_001], Math.cos),
];

describe.each([
  ['in memory', tensorSource],
  ['in a store', storedSource],
] as const)('a stream of tensors %s', (_, source) => {
  const layout = () =>
    new Layout([
      new ReadyBytes(Buffer.from('header')),
      ...tensors.map((tensor) => new TensorBytes(source(tensor), 'F32')),
    ]);

  test('gives a slow consumer every byte, although chunks share memory', async () => {
    const { sink, digest } = slowDigest();
    await pipeline(streamBytes(layout()), sink);
    expect(digest()).toBe(sha256(await read(layout())));
  });

  test('gives a range', async () => {
    const [start, end] = [3, layout().byteLength - 1_234_567];
    const { sink, digest } = slowDigest();
    await pipeline(streamBytes(layout(), start, end), sink);
    expect(digest()).toBe(sha256(await read(layout(), start, end)));
  });
});

test('an empty range is an empty stream', async () => {
  const chunks = await streamBytes(new ReadyBytes(Buffer.from('abc')), 2, 2).toArray();
  expect(chunks).toEqual([]);
});

test('a chunk is not expanded before it is read', async () => {
  let expanded = 0;
  const source: ByteSource = {
    byteLength: 2 ** 30,
    copy: (start, end) => {
      expanded += end - start;
    },
  };
  const stream = streamBytes(source);
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  await new Promise((resolve) => setImmediate(resolve));
  expect(expanded).toBeLessThanOrEqual(3 * 2 ** 20);
  stream.destroy();
});

test.each([
  [
    'at once',
    () => {
      throw new Error('the disk is gone');
    },
  ],
  [
    'later',
    async () => {
      throw new Error('the disk is gone');
    },
  ],
])('an error when reading %s ends the stream', async (_, copy) => {
  const stream = streamBytes({ byteLength: 10, copy });
  await expect(stream.toArray()).rejects.toThrow('the disk is gone');
});

/** More streams than are written with chunks of the largest size. */
const MANY = 1000;

const openLarge = () => streamBytes({ byteLength: 2 ** 30, copy() {} });

async function firstChunk(stream: Readable): Promise<number> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) return (chunk as Buffer).length;
  return 0;
}

test('many streams at the same time use smaller chunks, and large ones again after they have ended', async () => {
  const streams = Array.from({ length: MANY }, openLarge);
  const chunks: number[] = [];
  for (const stream of streams) chunks.push(await firstChunk(stream));
  expect(chunks[0]).toBe(2 ** 20);
  expect(chunks.at(-1)).toBeLessThanOrEqual(2 ** 17);
  expect(chunks.at(-1)).toBeGreaterThanOrEqual(2 ** 16);
  for (const stream of streams) stream.destroy();
  const next = openLarge();
  expect(await firstChunk(next)).toBe(2 ** 20);
  next.destroy();
});

test('unread streams, such as late answers, do not count', async () => {
  const unread = Array.from({ length: MANY }, openLarge);
  const before = openLarge();
  expect(await firstChunk(before)).toBe(2 ** 20);
  before.destroy();
  // Streams that are destroyed later are not counted twice.
  for (const stream of unread) stream.destroy();
  const streams = Array.from({ length: MANY }, openLarge);
  for (const stream of streams.slice(1)) await firstChunk(stream);
  expect(await firstChunk(streams[0])).toBeLessThanOrEqual(2 ** 17);
  for (const stream of streams) stream.destroy();
});
