import type { NumberType } from './dtype.js';
import { CheckpointError } from './error.js';
import { BuildTarget, NumpyType } from './globals.js';
import type { ByteReader } from './source.js';
import { rebuildTensor, Storage, type TorchTensor } from './torch-tensor.js';

const NUMBER_TYPES: Readonly<Record<string, NumberType>> = {
  f2: { name: 'float16', bytes: 2, float: 'F16' },
  f4: { name: 'float32', bytes: 4, float: 'F32' },
  f8: { name: 'float64', bytes: 8, float: 'F64' },
  i1: { name: 'int8', bytes: 1, float: null },
  u1: { name: 'uint8', bytes: 1, float: null },
  b1: { name: 'bool', bytes: 1, float: null },
  i2: { name: 'int16', bytes: 2, float: null },
  u2: { name: 'uint16', bytes: 2, float: null },
  i4: { name: 'int32', bytes: 4, float: null },
  u4: { name: 'uint32', bytes: 4, float: null },
  i8: { name: 'int64', bytes: 8, float: null },
  u8: { name: 'uint64', bytes: 8, float: null },
};

/** joblib's placeholder for a NumPy array. The array's numbers follow directly after the opcode that builds it. */
export class NumpyArrayWrapper extends BuildTarget {
  #state: ReadonlyMap<unknown, unknown> = new Map();

  setState(state: unknown): void {
    if (!(state instanceof Map)) throw new CheckpointError('a NumPy array without a description');
    this.#state = state;
  }

  /** Reads the array, which is next in the file. */
  async read(reader: ByteReader): Promise<TorchTensor> {
    const type = this.#state.get('dtype');
    const numbers = type instanceof NumpyType ? NUMBER_TYPES[type.code] : undefined;
    const shape = this.#state.get('shape');
    if (
      !numbers ||
      !Array.isArray(shape) ||
      !shape.every((size) => Number.isSafeInteger(size) && size >= 0)
    ) {
      throw new CheckpointError('a NumPy array that is not one of numbers');
    }
    const length = shape.reduce<number>((product, size) => product * size, 1);
    if (typeof this.#state.get('numpy_array_alignment_bytes') === 'number') {
      const padding = await reader.byte();
      await reader.skip(padding);
    }
    const storage = new Storage(numbers, length);
    await storage.take(reader);
    return rebuildTensor([storage, 0, shape, strides(shape, this.#state.get('order') === 'F')]);
  }
}

function strides(shape: readonly number[], isColumnMajor: boolean): number[] {
  const result = new Array<number>(shape.length);
  let stride = 1;
  for (let k = 0; k < shape.length; k++) {
    const dimension = isColumnMajor ? k : shape.length - 1 - k;
    result[dimension] = stride;
    stride *= shape[dimension];
  }
  return result;
}
