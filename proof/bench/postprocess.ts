/**
 * The post-processing stage alone, in this process: `npm run bench:postprocess -- [runs]`. The weights have the shapes
 * of the networks' and the tiling that a GHN with 64 channels gives them, with random blocks. Beside the times stands
 * what one large product takes at the same moment, since that is what a busy machine changes.
 */
import { readFile } from 'node:fs/promises';
import type { Architecture } from '../../src/architecture/architecture.js';
import { parseGraph } from '../../src/architecture/graph.js';
import { OnnxruntimeProducts } from '../../src/engine/onnxruntime/products.js';
import { createDeviceSession, createSession } from '../../src/engine/onnxruntime/session.js';
import { postprocess } from '../../src/postprocess/postprocess.js';
import type { FloatArray } from '../../src/postprocess/products.js';
import { touched } from '../../src/postprocess/touched.js';
import { randomKey } from '../../src/random/key.js';
import { normals } from '../../src/random/normal.js';
import { elements, type TiledTensor } from '../../src/tensor/tensor.js';

const CHANNELS = 64;
const OPTIONS = { noise: 3e-5, orthogonalize: true, fromLayer: 0, minChannels: 0, seed: 0 };
const LIMITS = { maxNodes: 5_000, maxParameters: 2e9 };

async function network(name: string): Promise<Architecture> {
  const file = new URL(`../../test/fixtures/architectures/${name}.json`, import.meta.url);
  return parseGraph(JSON.parse(await readFile(file, 'utf8')), LIMITS);
}

function tiled(name: string, shape: readonly number[]): TiledTensor {
  const blockShape = shape.map((size, axis) => (axis < 2 ? Math.min(size, CHANNELS) : size));
  const block = normals(randomKey(0, name, 'benchmark'), 0, elements(blockShape));
  const scale = Math.sqrt(2 / elements(shape.slice(1)));
  for (let i = 0; i < block.length; i++) block[i] *= scale;
  return { name, shape, blockShape, block };
}

/** GFLOP/s of a product of two square matrices. */
async function productRate(
  products: OnnxruntimeProducts,
  create: (length: number) => FloatArray,
): Promise<number> {
  const size = 1024;
  const matrix = () => ({ data: create(size * size).fill(1), rows: size, columns: size });
  const [a, b, y] = [matrix(), matrix(), matrix()];
  await products.multiply(a, b, y);
  const start = performance.now();
  await products.multiply(a, b, y);
  return (2 * size ** 3) / (performance.now() - start) / 1e6;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

const runs = Number(process.argv[2] ?? 5);
// PRODUCTS=cuda computes on an NVIDIA GPU.
const products = new OnnxruntimeProducts(
  process.env.PRODUCTS === 'cuda' ? (model) => createDeviceSession(model, 'cuda', 'cpu') : createSession,
);
for (const name of ['resnet50', 'convnext_base']) {
  const architecture = await network(name);
  const tensors = architecture.nodes.flatMap(({ weight }) =>
    weight ? [tiled(weight.name, weight.shape)] : [],
  );
  const times: number[] = [];
  const rates: [number[], number[]] = [[], []];
  for (let run = 0; run <= runs; run++) {
    const start = performance.now();
    await postprocess(tensors, touched(architecture, OPTIONS), OPTIONS, products);
    if (run > 0) times.push(performance.now() - start);
    rates[0].push(await productRate(products, (length) => new Float32Array(length)));
    rates[1].push(await productRate(products, (length) => new Float64Array(length)));
  }
  console.log(
    `${name}: ${(median(times) / 1000).toFixed(2)} s, median of ${runs}; products at the same time: ` +
      `${median(rates[0]).toFixed(0)} GFLOP/s in float32, ${median(rates[1]).toFixed(0)} in float64`,
  );
}
await products.dispose();
