import '@tensorflow/tfjs-backend-cpu';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';

/** Returns an input of any length, which is always the same. */
export function inputOf(length: number): Float32Array {
  return Float32Array.from({ length }, (_, k) => Math.sin(k * 0.37) + 0.1 * Math.cos(k * 1.7));
}

/** Loads a model from its address. Returns its output for `inputOf`, for a batch of two. */
export async function runInNode(url: string): Promise<Float32Array> {
  const model = await loadLayersModel(url);
  const shape = [2, ...model.inputs[0]!.shape.slice(1).map((length) => length ?? 1)];
  const input = tensor(inputOf(shape.reduce((product, length) => product * length)), shape);
  const output = model.predict(input) as Tensor;
  const values = Float32Array.from(output.dataSync());
  model.dispose();
  return values;
}
