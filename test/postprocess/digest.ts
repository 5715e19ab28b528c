/** Prints the sha256 of a post-processed network, for a test that compares processes. */
import { createHash } from 'node:crypto';
import { OnnxruntimeProducts } from '../../src/engine/onnxruntime/products.js';
import { postprocess } from '../../src/postprocess/postprocess.js';
import { randomTensor } from './tensors.js';

export const NETWORK = [
  randomTensor('stem.weight', [64, 3, 7, 7], 16),
  randomTensor('narrow.weight', [96, 320, 1, 1], 16),
  randomTensor('wide.weight', [256, 128], 16),
];
export const PAPER = { noise: 3e-5, orthogonalize: true, fromLayer: 0, minChannels: 0, seed: 7 };

export async function digest(): Promise<string> {
  const products = new OnnxruntimeProducts();
  const names = NETWORK.map(({ name }) => name);
  const { tensors } = await postprocess(NETWORK, names, PAPER, products);
  await products.dispose();
  const hash = createHash('sha256');
  for (const { block } of tensors) hash.update(block);
  return hash.digest('hex');
}

if (process.argv[1] === import.meta.filename) console.log(await digest());
