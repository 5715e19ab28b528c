import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Checkpoint, readCheckpoint } from '../../src/ghn/checkpoint.js';
import { asSafetensors, ENCODINGS, encodingsOf, FIXTURES, useFolder } from './files.js';
import * as p from './pickle-writer.js';

const write = useFolder();

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Checks that two checkpoints have the same config and, name by name, the same shapes and numbers. */
function expectSame(actual: Checkpoint, expected: Checkpoint): void {
  expect(actual.config).toEqual(expected.config);
  expect(actual.parameters).toBe(expected.parameters);
  expect([...actual.weights.keys()].sort()).toEqual([...expected.weights.keys()].sort());
  for (const [name, { shape, data }] of expected.weights) {
    expect(actual.weights.get(name)!.shape, name).toEqual(shape);
    // As bytes: comparing numbers one by one takes seconds.
    expect(bytesOf(actual.weights.get(name)!.data).equals(bytesOf(data)), name).toBe(true);
  }
}

describe.each(['ghn2', 'ghn3'] as const)('a %s', async (family) => {
  const reference = await readCheckpoint(join(ENCODINGS, `${family}.f32.safetensors`));

  test.each(await encodingsOf(family))('gives the same weights in %s', async (name) => {
    const path = join(ENCODINGS, name);
    const checkpoint = await readCheckpoint(path);
    expectSame(checkpoint, reference);
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    expect(checkpoint.digest).toBe(`sha256:${digest}`);
  });
});

describe('the nano checkpoints', () => {
  test.each(['ghn3-nano.pt', 'ghn2-nano.pt'])('%s is the same as a safetensors file', async (name) => {
    const checkpoint = await readCheckpoint(join(FIXTURES, name));
    const path = await write(`${name}.safetensors`, asSafetensors(checkpoint));
    expectSame(await readCheckpoint(path), checkpoint);
  });

  test('describe themselves', async () => {
    const ghn3 = await readCheckpoint(join(FIXTURES, 'ghn3-nano.pt'));
    expect(ghn3.config).toEqual({
      family: 'ghn3',
      hidden: 16,
      layers: 2,
      heads: 8,
      channels: 32,
      spatial: 11,
      numClasses: 10,
      weightNorm: true,
      layerNorm: true,
      ops: 15,
      maxHops: 50,
      vocabularies: [],
      details: {},
    });
    expect(ghn3.parameters).toBe(307_744);
    const ghn2 = await readCheckpoint(join(FIXTURES, 'ghn2-nano.pt'));
    expect(ghn2.config).toMatchObject({
      family: 'ghn2',
      hidden: 16,
      channels: 32,
      spatial: 11,
      numClasses: 10,
    });
    expect(ghn2.weights.get('decoder.conv.2.weight')!.shape).toEqual([1024, 128]);
  });
});

const tiny = process.env.GHN_TINY_CHECKPOINT;

test.skipIf(!tiny)(
  'a checkpoint of the published GHN-3-T size loads (path in GHN_TINY_CHECKPOINT)',
  async () => {
    const { config, parameters } = await readCheckpoint(tiny!);
    expect(config).toMatchObject({
      family: 'ghn3',
      hidden: 64,
      layers: 3,
      heads: 8,
      channels: 64,
      numClasses: 1000,
    });
    expect(parameters).toBe(6_906_632);
  },
);

test('the file name does not matter', async () => {
  const name = 'ghn3.joblib.gzip';
  const path = await write('renamed.safetensors', await readFile(join(ENCODINGS, name)));
  expectSame(await readCheckpoint(path), await readCheckpoint(join(ENCODINGS, name)));
});

test.each([
  ['zlib', deflateSync],
  ['gzip', gzipSync],
])('a file with many parts in %s is read', async (_, compress) => {
  const stateDict = (await readFile(join(ENCODINGS, 'ghn3.joblib'))).subarray(2, -1);
  const history = Array.from({ length: 40 }, () => [p.text(randomBytes(50_000).toString('hex')), p.append]);
  const file = compress(
    p.pickle(
      ...[p.emptyDict, p.text('history'), p.emptyList, ...history.flat(), p.setItem],
      ...[p.text('state_dict'), stateDict, p.setItem],
    ),
  );
  expect(file.length).toBeGreaterThan(2 ** 21);
  expectSame(
    await readCheckpoint(await write('many-pieces', file)),
    await readCheckpoint(join(ENCODINGS, 'ghn3.joblib')),
  );
});
