import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { safetensors } from '../../../src/format/safetensors.js';
import { streamBytes } from '../../../src/format/stream.js';
import { PIECE_BYTES, RUN_BYTES } from '../../../src/store/blocks/manifest.js';
import { tensorSource } from '../../../src/tensor/tensor.js';
import { bytesOf, idOf, samplePrediction, sampleTensor } from '../samples.js';
import { openStore, temporaryDirectory } from './setup.js';

const PIECE = PIECE_BYTES / 4;
const RUN = RUN_BYTES / 4;

/** Blocks that end before, at and behind the ends of pieces and runs; odd sizes leave padding between them. */
const SIZES = [1, PIECE - 5, 3, PIECE, 2 * RUN + 1, 7, RUN - 1, RUN, 1];
const TENSORS = SIZES.map((size, n) => sampleTensor(`t${n}`, [size], [size], n));

async function storedTensors() {
  const { store } = await openStore(await temporaryDirectory());
  await store.save({ ...samplePrediction(1), tensors: TENSORS });
  const stored = (await store.open(idOf(1)))!;
  onTestFinished(() => stored.release());
  return stored.tensors;
}

describe('any range of any block', () => {
  it('has the saved bits, wherever pieces begin and end', async () => {
    const tensors = await storedTensors();
    const range = fc.integer({ min: 0, max: SIZES.length - 1 }).chain((index) => {
      const near = [0, 1, PIECE - 6, PIECE - 1, PIECE, RUN, RUN + PIECE, SIZES[index]].filter(
        (n) => n <= SIZES[index],
      );
      const position = fc.oneof(fc.constantFrom(...near), fc.integer({ min: 0, max: SIZES[index] }));
      return fc.tuple(fc.constant(index), position, position);
    });
    await fc.assert(
      fc.asyncProperty(range, async ([index, a, b]) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const values = await tensors[index].readBlock(start, end);
        expect(values).toHaveLength(end - start);
        expect(Buffer.compare(bytesOf(values), bytesOf(TENSORS[index].block.subarray(start, end)))).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('is refused outside of the block', async () => {
    const tensors = await storedTensors();
    expect(() => tensors[2].readBlock(0, 4)).toThrow('entries 0 to 4 of t2, whose block has 3');
    expect(() => tensors[2].readBlock(-1, 2)).toThrow(RangeError);
    expect(() => tensors[2].readBlock(2, 1)).toThrow(RangeError);
  });

  it('is available at once if the same was read before', async () => {
    const tensors = await storedTensors();
    await Promise.all([tensors[4].readBlock(0, SIZES[4]), tensors[5].readBlock(1, 4)]);
    expect(tensors[4].readBlock(0, SIZES[4])).toBeInstanceOf(Float32Array);
    expect(tensors[5].readBlock(1, 4)).toBeInstanceOf(Float32Array);
  });
});

describe('an answer written from the store', () => {
  it('equals the one written from memory', async () => {
    const prediction = samplePrediction(1);
    const { store } = await openStore(await temporaryDirectory());
    await store.save(prediction);
    const stored = (await store.open(idOf(1)))!;
    const written = async (tensors: typeof stored.tensors) => {
      const chunks: Buffer[] = [];
      for await (const chunk of streamBytes(safetensors(tensors, 'BF16', { format: 'pt' }))) {
        chunks.push(Buffer.from(chunk as Uint8Array));
      }
      return Buffer.concat(chunks);
    };
    expect((await written(stored.tensors)).equals(await written(prediction.tensors.map(tensorSource)))).toBe(
      true,
    );
    stored.release();
  });
});
