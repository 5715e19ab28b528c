import { BYTES_PER_ELEMENT, type Dtype, encode } from './dtype.js';
import { elements, isTiled, type TensorSource } from './tensor.js';

/** One axis of a tiled tensor: `size` entries that repeat every `period`. */
export interface Axis {
  size: number;
  period: number;
}

/**
 * Returns the axes, with neighbours merged if the inner one is not repeated. At most the tiled axes remain separate.
 */
export function mergeAxes({ shape, blockShape }: TensorSource): Axis[] {
  const axes: Axis[] = [];
  for (let k = shape.length - 1; k >= 0; k--) {
    const inner = axes[0];
    if (inner && inner.size === inner.period) {
      inner.size *= shape[k];
      inner.period *= blockShape[k];
    } else {
      axes.unshift({ size: shape[k], period: blockShape[k] });
    }
  }
  return axes;
}

/**
 * An axis with the bytes of one entry along it, in the tensor and in the block. Sizes and periods count such entries.
 */
interface StridedAxis extends Axis {
  readonly stride: number;
  readonly blockStride: number;
}

function stridedAxes(tensor: TensorSource, bytesPerElement: number): StridedAxis[] {
  let stride = bytesPerElement;
  let blockStride = stride;
  return mergeAxes(tensor)
    .reverse()
    .map((axis) => {
      const strided = { ...axis, stride, blockStride };
      stride *= axis.size;
      blockStride *= axis.period;
      return strided;
    })
    .reverse();
}

/**
 * A tensor's bytes in one dtype. Any part can be written without the rest. Along each axis a tiled tensor is periodic,
 * so one period is built from the block and then copied on within the target.
 */
export class TensorBytes {
  readonly byteLength: number;
  readonly #tensor: TensorSource;
  readonly #dtype: Dtype;
  readonly #tiled: boolean;
  /** Set once the tensor is expanded. */
  #axes: readonly StridedAxis[] | null = null;
  /** The whole block of a tiled tensor, once it was read. */
  #block: Uint8Array | null = null;

  constructor(tensor: TensorSource, dtype: Dtype) {
    this.#tensor = tensor;
    this.#dtype = dtype;
    this.#tiled = isTiled(tensor);
    this.byteLength = elements(tensor.shape) * BYTES_PER_ELEMENT[dtype];
  }

  /** Writes the tensor's bytes `start` to `end` - 1 to `target`, from `at` on. */
  copy(start: number, end: number, target: Uint8Array, at: number): void | Promise<void> {
    if (!this.#tiled) return this.#copyPlain(start, end, target, at);
    if (this.#block) return this.#expand(this.#block, start, end, target, at);
    const values = this.#tensor.readBlock(0, elements(this.#tensor.blockShape));
    const expand = (values: Float32Array) => {
      this.#block = encode(values, this.#dtype);
      this.#expand(this.#block, start, end, target, at);
    };
    return values instanceof Promise ? values.then(expand) : expand(values);
  }

  release(): void {
    this.#block = null;
  }

  /** Copies from a tensor without tiling, and reads only the requested part. */
  #copyPlain(start: number, end: number, target: Uint8Array, at: number): void | Promise<void> {
    const bytes = BYTES_PER_ELEMENT[this.#dtype];
    const first = Math.floor(start / bytes);
    const values = this.#tensor.readBlock(first, Math.ceil(end / bytes));
    const write = (values: Float32Array) => {
      const skipped = first * bytes;
      target.set(encode(values, this.#dtype).subarray(start - skipped, end - skipped), at);
    };
    return values instanceof Promise ? values.then(write) : write(values);
  }

  #expand(block: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
    this.#axes ??= stridedAxes(this.#tensor, BYTES_PER_ELEMENT[this.#dtype]);
    const axes = this.#axes;
    const fill = (level: number, base: number, start: number, end: number, at: number): void => {
      const axis = axes[level];
      const period = axis.period * axis.stride;
      const length = end - start;
      const first = Math.min(length, period);
      if (level === axes.length - 1) {
        const phase = start % period;
        const head = Math.min(first, period - phase);
        target.set(block.subarray(base + phase, base + phase + head), at);
        if (head < first) target.set(block.subarray(base, base + first - head), at + head);
      } else {
        for (let position = start; position < start + first; ) {
          const entry = Math.floor(position / axis.stride);
          const entryStart = entry * axis.stride;
          const stop = Math.min(start + first, entryStart + axis.stride);
          const entryBase = base + (entry % axis.period) * axis.blockStride;
          fill(level + 1, entryBase, position - entryStart, stop - entryStart, at + position - start);
          position = stop;
        }
      }
      for (let done = first; done < length; ) {
        const more = Math.min(done, length - done);
        target.copyWithin(at + done, at, at + more);
        done += more;
      }
    };
    fill(0, 0, start, end, at);
  }
}
