import { type SafetensorsFile, toFloat32 } from './safetensors.js';

export interface Float32Tensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
}

/**
 * Repeats a block along every dimension in which it is smaller than the tensor, and cuts it to the tensor's shape.
 *
 * @throws Error if block and tensor have different numbers of dimensions
 */
export function expand(block: Float32Tensor, shape: readonly number[]): Float32Tensor {
  const rank = shape.length;
  if (block.shape.length !== rank) {
    throw new Error(`a block [${block.shape}] cannot be repeated to a tensor [${shape}]: other dimensions`);
  }
  const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  if (data.length === 0) return { shape, data };
  if (rank === 0) return { shape, data: block.data.slice(0, 1) };
  const strides = block.shape.map((_, k) => block.shape.slice(k + 1).reduce((a, b) => a * b, 1));
  const width = shape[rank - 1];
  const blockWidth = block.shape[rank - 1];
  const rows = data.length / width;
  const index = new Array<number>(rank - 1).fill(0);
  for (let row = 0; row < rows; row++) {
    let start = 0;
    for (let k = 0; k < rank - 1; k++) start += (index[k] % block.shape[k]) * strides[k];
    for (let at = 0; at < width; at += blockWidth) {
      const length = Math.min(blockWidth, width - at);
      data.set(block.data.subarray(start, start + length), row * width + at);
    }
    for (let k = rank - 2; k >= 0; k--) {
      if (++index[k] < shape[k]) break;
      index[k] = 0;
    }
  }
  return { shape, data };
}

/**
 * Yields the whole tensors of a file in the format `tiled`, by name, in the order of the file.
 *
 * @throws Error if the file is not in that format
 */
export function* expandTiled({ metadata, tensors }: SafetensorsFile): Generator<[string, Float32Tensor]> {
  if (metadata.shapes === undefined)
    throw new Error('not a file of the format tiled: it names no target shapes');
  const shapes = JSON.parse(metadata.shapes) as Record<string, number[]>;
  for (const [name, tensor] of tensors) {
    const shape = shapes[name];
    if (!shape) throw new Error(`the file names no target shape for ${JSON.stringify(name)}`);
    yield [name, expand({ shape: tensor.shape, data: toFloat32(tensor) }, shape)];
  }
}
