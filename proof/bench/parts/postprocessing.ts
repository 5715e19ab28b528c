import { readFile } from 'node:fs/promises';
import type { Architecture } from '../../../src/architecture/architecture.js';
import { parseGraph } from '../../../src/architecture/graph.js';
import { OnnxruntimeProducts } from '../../../src/engine/onnxruntime/products.js';
import { createDeviceSession, createSession } from '../../../src/engine/onnxruntime/session.js';
import { postprocess } from '../../../src/postprocess/postprocess.js';
import { touched } from '../../../src/postprocess/touched.js';
import { randomKey } from '../../../src/random/key.js';
import { normals } from '../../../src/random/normal.js';
import { elements, type TiledTensor } from '../../../src/tensor/tensor.js';
import { type Part, type Row, rowBeside } from '../table.js';

const RUNS = Number(process.env.RUNS ?? 5);
const CHANNELS = 64;
const OPTIONS = { noise: 3e-5, orthogonalize: true, fromLayer: 0, minChannels: 0, seed: 0 };
const LIMITS = { maxNodes: 5_000, maxParameters: 2e9 };

async function network(name: string): Promise<Architecture> {
  const file = new URL(`../../../test/fixtures/architectures/${name}.json`, import.meta.url);
  return parseGraph(JSON.parse(await readFile(file, 'utf8')), LIMITS);
}

/** Returns a weight of a random block, with the tiling of a GHN with CHANNELS channels. */
function tiled(name: string, shape: readonly number[]): TiledTensor {
  const blockShape = shape.map((size, axis) => (axis < 2 ? Math.min(size, CHANNELS) : size));
  const block = normals(randomKey(0, name, 'benchmark'), 0, elements(blockShape));
  const scale = Math.sqrt(2 / elements(shape.slice(1)));
  for (let i = 0; i < block.length; i++) block[i] *= scale;
  return { name, shape, blockShape, block };
}

/**
 * The post-processing stage alone, in this process, compared with torch.linalg.qr in float32 on weights of the same
 * shapes. PRODUCTS=cuda computes on an NVIDIA GPU.
 */
export const postprocessing: Part = async ({ authors }) => {
  const products = new OnnxruntimeProducts(
    process.env.PRODUCTS === 'cuda' ? (model) => createDeviceSession(model, 'cuda', 'cpu') : createSession,
  );
  const rows: Row[] = [];
  for (const name of ['resnet50', 'convnext_base']) {
    const architecture = await network(name);
    const names = touched(architecture, OPTIONS);
    const tensors = architecture.nodes.flatMap(({ weight }) =>
      weight ? [tiled(weight.name, weight.shape)] : [],
    );
    const shapes = tensors.filter((tensor) => names.includes(tensor.name)).map(({ shape }) => shape);
    const own: number[] = [];
    const theirs: number[] = [];
    for (let run = -1; run < RUNS; run++) {
      const start = performance.now();
      await postprocess(tensors, names, OPTIONS, products);
      const seconds = (performance.now() - start) / 1000;
      const other =
        (await authors?.seconds({ task: 'qr', network: name, shapes, channels: CHANNELS })) ?? null;
      if (run < 0) continue;
      own.push(seconds);
      if (other !== null) theirs.push(other);
    }
    rows.push(rowBeside(`post-processing ${name}`, 'torch.linalg.qr, float32', own, theirs));
  }
  await products.dispose();
  return rows;
};
