import { describe, expect, it } from 'vitest';
import { bodyOfBlocks, weightsSource } from '../../src/predictions/weights.js';
import { type TiledTensor, tensorSource } from '../../src/tensor/tensor.js';
import { bytesOf, sampleRecord, sampleTensor } from '../store/samples.js';

const POSTPROCESS = { noise: 1e-5, orthogonalize: false, from_layer: 0, min_channels: 0, seed: 0 };

describe('the head of the body that a store keeps', () => {
  const { request } = sampleRecord(1);
  const tiled = [sampleTensor('a', [5, 3], [5, 1], 1), sampleTensor('b', [3], [3], 2)];
  const whole = [sampleTensor('a', [5, 3], [5, 3], 1), sampleTensor('b', [3], [3], 2)];

  it.each([
    ['tiled', null, tiled],
    ['tiled', null, whole],
    ['safetensors', POSTPROCESS, whole],
  ] as const)('makes the blocks the file, as %s', async (format, postprocess, tensors) => {
    const record = sampleRecord(1, { request: { ...request, postprocess } });
    const body = (await bodyOfBlocks(record, tensors as readonly TiledTensor[]))!;
    expect(body.format).toBe(format);
    expect(body.head.length % 8).toBe(0);
    const source = weightsSource(record, tensors.map(tensorSource), { format, dtype: 'F32' });
    const file = Buffer.alloc(source.byteLength);
    await source.copy(0, file.length, file, 0);
    expect(Buffer.concat([body.head, ...tensors.map(({ block }) => bytesOf(block))]).equals(file)).toBe(true);
  });

  it('does not exist if some tensors were post-processed and others are tiled', async () => {
    const record = sampleRecord(1, { request: { ...request, postprocess: POSTPROCESS } });
    expect(await bodyOfBlocks(record, tiled)).toBeUndefined();
  });
});
