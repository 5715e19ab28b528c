import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildArchitecture } from '../../../src/architecture/graph.js';
import type { Graph } from '../../../src/architecture/schema.js';
import type { Engine } from '../../../src/engine/engine.js';
import { readCheckpoint } from '../../../src/ghn/checkpoint.js';
import { LowRankDecoder, type LowRankSizes } from '../../../src/ghn/families/logah/decoder.js';
import { fits, vectorRoom } from '../../../src/ghn/families/logah/shape.js';
import { fixtureGraph, LIMITS } from '../../architecture/fixtures.js';
import { ENGINES } from '../../engine/engines.js';
import { post } from '../../helpers/http.js';
import { checkpointFile, startService } from '../../helpers/service.js';

/** The spec's test vectors (docs/logah.md, section 9). */
const vector = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, k) => (((7 * k + 13 * seed) % 17) - 8) / 16);

interface Weights {
  readonly fc: readonly { readonly weight: Float32Array; readonly bias: Float32Array }[];
  readonly l2: { readonly weight: Float32Array; readonly bias: Float32Array };
}

const specWeights = ({ hidden: d, rank: r, factorRows: q }: LowRankSizes): Weights => ({
  fc: [
    { weight: vector(4 * d * d, 1), bias: vector(4 * d, 2) },
    { weight: vector(32 * d * d, 3), bias: vector(8 * d, 4) },
    { weight: vector(2 * r * r * 8 * d, 5), bias: vector(2 * r * r, 6) },
  ],
  l2: { weight: vector(q * r, 7), bias: vector(q, 8) },
});

function decoderOn(engine: Engine, sizes: LowRankSizes, { fc: layers, l2 }: Weights): LowRankDecoder<never> {
  const linear = ({ weight, bias }: Weights['l2'], columnBias = false) => ({
    weight: engine.upload(weight, bias.length, weight.length / bias.length),
    bias: columnBias ? engine.upload(bias, bias.length, 1) : engine.upload(bias, 1, bias.length),
  });
  const weights = {
    perceptron: [linear(layers[0]), linear(layers[1])] as const,
    matrix: linear(layers[2], true),
    widen: linear(l2, true),
    vectors: null,
  };
  return new LowRankDecoder(engine, weights, sizes) as unknown as LowRankDecoder<never>;
}

/** Computes all of A and B as the authors do, in float64. */
function factors(x: Float32Array, { rank, factorRows }: LowRankSizes, { fc: layers, l2 }: Weights) {
  const apply = (input: Float64Array, { weight, bias }: Weights['l2'], isRelu: boolean) =>
    Float64Array.from(bias, (value, row) => {
      let sum = value;
      for (let k = 0; k < input.length; k++) sum += weight[row * input.length + k] * input[k];
      return isRelu ? Math.max(0, sum) : sum;
    });
  let state = Float64Array.from(x);
  for (const layer of layers) state = apply(state, layer, true);
  const flat = new Float64Array(2 * factorRows * rank);
  for (let row = 0; row < 2 * rank; row++) {
    flat.set(apply(state.slice(row * rank, (row + 1) * rank), l2, false), row * factorRows);
  }
  const at = (start: number) => (row: number, k: number) => flat[(start + row) * rank + k];
  return { a: at(0), b: at(factorRows) };
}

/** Returns a network of one node that owns a tensor. */
const networkOf = (shape: number[], op: 'conv' | 'bn' | 'pos_enc'): Graph => ({
  name: 'one',
  nodes: [
    { id: 'input', op: 'input' },
    { id: 'node', op, weight: { name: 'w', shape }, ...(op === 'bn' && { bias: { name: 'b', shape } }) },
    { id: 'end', op: 'sum' },
  ],
  edges: [
    ['input', 'node'],
    ['node', 'end'],
  ],
});

const SPEC: LowRankSizes = {
  hidden: 4,
  rank: 2,
  factorRows: 12,
  channels: 12,
  weightNorm: false,
  language: null,
};

describe.each(ENGINES)('LoGAH’s decoder on $title', ({ create }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await create();
  });
  afterAll(() => engine.dispose());

  const decode = async (sizes: LowRankSizes, weights: Weights, graph: Graph, x: Float32Array) => {
    const architecture = buildArchitecture(graph, LIMITS);
    const states = new Float32Array(3 * sizes.hidden);
    states.set(x, sizes.hidden);
    const tensors = await decoderOn(engine, sizes, weights).decode(architecture, states, {
      predictClassifier: true,
      seed: 0,
    });
    return new Map(tensors.map((tensor) => [tensor.name, tensor]));
  };

  it.each([
    [[3, 2], 'conv', 'w', [-0.067878967, 0.095140167, 0.059495814, -0.071865958, 0.211479304, -0.323173818]],
    [[3], 'bn', 'w', [-0.067878967, 0.059495814, 0.211479304]],
    [[3], 'bn', 'b', [-0.080381014, 0.508087278, 0.15834641]],
    [
      [2, 2, 2, 2],
      'conv',
      'w',
      [
        -0.067878967, 0.095140167, 0.059495814, -0.071865958, 0.058027275, 0.033664889, 0.011622727,
        0.097665309, 0.211479304, -0.323173818, -0.224308017, 0.345887232, -0.325883476, -0.400200477,
        0.362509496, 0.458787049,
      ],
    ],
  ] as const)('decodes the spec’s [%s] of a %s (%s)', async (shape, op, name, expected) => {
    const tensors = await decode(
      SPEC,
      specWeights(SPEC),
      networkOf([...shape], op),
      Float32Array.of(1, -1, 0.5, 0.25),
    );
    const { block } = tensors.get(name)!;
    expect(block).toHaveLength(expected.length);
    expected.forEach((value, k) => {
      expect(block[k]).toBeCloseTo(value, 6);
    });
  });

  it('gives the same values as the whole factors, for all sizes', async () => {
    const sizes = fc.record({
      hidden: fc.constantFrom(4, 8),
      rank: fc.integer({ min: 1, max: 5 }),
      factorRows: fc.integer({ min: 40, max: 90 }),
      channels: fc.integer({ min: 4, max: 12 }),
      weightNorm: fc.constant(false),
      language: fc.constant(null),
    });
    const extent = fc.integer({ min: 1, max: 16 });
    const kernel = fc.integer({ min: 1, max: 3 });
    await fc.assert(
      fc.asyncProperty(
        sizes,
        extent,
        extent,
        kernel,
        kernel,
        fc.integer({ min: 0, max: 99 }),
        async (size, o, i, kh, kw, seed) => {
          const weights: Weights = {
            fc: specWeights(size).fc.map(({ weight, bias }, k) => ({
              weight: vector(weight.length, seed + k),
              bias: vector(bias.length, seed + 7 + k),
            })),
            l2: {
              weight: vector(size.factorRows * size.rank, seed + 3),
              bias: vector(size.factorRows, seed + 5),
            },
          };
          const x = vector(size.hidden, seed + 11);
          const { block, blockShape } = (
            await decode(size, weights, networkOf([o, i, kh, kw], 'conv'), x)
          ).get('w')!;
          const { a, b } = factors(x, size, weights);
          const [outputs, inputs] = [Math.min(o, size.channels), Math.min(i, size.channels)];
          expect(blockShape).toEqual([outputs, inputs, kh, kw]);
          let at = 0;
          let largest = 1e-3;
          let worst = 0;
          for (let m = 0; m < outputs; m++)
            for (let n = 0; n < inputs; n++)
              for (let y = 0; y < kh; y++)
                for (let z = 0; z < kw; z++) {
                  let value = 0;
                  for (let k = 0; k < size.rank; k++) value += a(m * kh + y, k) * b(n * kw + z, k);
                  largest = Math.max(largest, Math.abs(value));
                  worst = Math.max(worst, Math.abs(value - block[at++]));
                }
          expect(worst / largest).toBeLessThan(1e-4);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('the rows of a vector', () => {
  it.each([
    [3, 2048, 4],
    [384, 2048, 512],
    [768, 2048, 2048],
    [1000, 2048, 1000],
    [50257, 2048, 2048],
    [768, 8192, 1024],
    [2304, 8192, 3072],
    [3072, 8192, 8192],
  ])('of %i channels in %i leave room for %i gains', (n, channels, room) => {
    expect(vectorRoom(n, channels)).toBe(room);
  });
});

describe('a LoGAH', () => {
  it('is recognised by its tensors, and its config by its file', async () => {
    const { config } = await readCheckpoint(checkpointFile('logah-gpt.pt'));
    expect(config).toMatchObject({
      family: 'logah',
      ops: 18,
      maxHops: 250,
      vocabularies: [32000, 50257, 50304],
      details: { rank: 8, factorRows: 16384, decodesVectors: false, language: 'fan_in_depth' },
    });
  });

  it('has a setting for the information that its file lacks, and no other', async () => {
    const { config } = await readCheckpoint(checkpointFile('logah-gpt.pt'), { normalize: 'fan_in' });
    expect(config.details.language).toBe('fan_in');
    await expect(readCheckpoint(checkpointFile('logah-gpt.pt'), { normalize: 'max' })).rejects.toThrow(
      'normalize is one of fan_in_depth, fan_in, std, not max',
    );
    await expect(readCheckpoint(checkpointFile('logah-nano.pt'), { normalize: 'std' })).rejects.toThrow(
      'only LoGAHs for language models',
    );
    await expect(readCheckpoint(checkpointFile('ghn3-nano.pt'), { normalize: 'std' })).rejects.toThrow(
      'normalize=std is set, which a GHN-3 does not have',
    );
  });

  it('divides projections into the residual stream by the depth, unless it is set otherwise', async () => {
    const file = checkpointFile('logah-gpt.pt');
    const service = await startService({ GHN_CHECKPOINTS: `depth=${file},plain=${file}?normalize=fan_in` });
    try {
      const weights = async (ghn: string, name: string) => {
        const response = await post(service.url, { ghn, architecture: fixtureGraph('gpt2-2x96') });
        await response.arrayBuffer();
        const tensor = await fetch(`${service.url}${response.headers.get('location')}/tensors/${name}`);
        return new Float32Array(await tensor.arrayBuffer());
      };
      const name = 'transformer.h.0.attn.c_proj.weight';
      const [deep, plain] = [await weights('depth', name), await weights('plain', name)];
      // Two blocks: the square root of twice as many.
      deep.slice(0, 100).forEach((value, k) => {
        expect(value).toBeCloseTo(plain[k] / 2, 6);
      });
      const other = 'transformer.h.0.mlp.c_fc.weight';
      expect(await weights('depth', other)).toEqual(await weights('plain', other));
    } finally {
      await service.stop();
    }
  });

  it('refuses tensors that are too large for its factors', async () => {
    const sizes = { rank: 8, factorRows: 16384, channels: 256 };
    expect(fits([256, 256, 64, 64], 'weight', sizes)).toBe(true);
    expect(fits([256, 256, 65, 1], 'weight', sizes)).toBe(false);
    const service = await startService({ GHN_CHECKPOINTS: checkpointFile('logah-nano.pt') });
    try {
      const response = await post(service.url, { architecture: networkOf([256, 256, 65, 1], 'conv') });
      expect(response.status).toBe(422);
      expect(((await response.json()) as { errors: unknown }).errors).toEqual([
        {
          path: '/architecture',
          message:
            '"w", [256,256,65,1], is larger than this LoGAH\'s factors of 16384 rows allow (logah-nano)',
        },
      ]);
    } finally {
      await service.stop();
    }
  });
});
