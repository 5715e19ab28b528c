import { BYTES_PER_ELEMENT, type Dtype, encode } from './dtype.js';
import { elements, type TiledTensor } from './tensor.js';

/** One axis of a tiled tensor: `size` entries that repeat every `period`. */
interface Axis {
  size: number;
  period: number;
}

/** Neighbouring axes are one where the inner is not repeated: at most as many are left as are tiled. */
function mergeAxes({ shape, blockShape }: TiledTensor): Axis[] {
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
 * A tensor's bytes in one dtype, of which any part can be written out from the block without the rest. Along each axis
 * a tiled tensor is periodic, so one period is put together and then copied on within the target.
 */
export class TensorBytes {
  readonly byteLength: number;
  readonly #block: Uint8Array;
  /** Bytes of an entry of each axis, in the tensor and in the block; sizes and periods count such entries. */
  readonly #axes: readonly (Axis & { readonly stride: number; readonly blockStride: number })[];

  constructor(tensor: TiledTensor, dtype: Dtype) {
    const bytes = BYTES_PER_ELEMENT[dtype];
    this.byteLength = elements(tensor.shape) * bytes;
    this.#block = encode(tensor.block, dtype);
    let stride = bytes;
    let blockStride = bytes;
    this.#axes = mergeAxes(tensor)
      .reverse()
      .map((axis) => {
        const strided = { ...axis, stride, blockStride };
        stride *= axis.size;
        blockStride *= axis.period;
        return strided;
      })
      .reverse();
  }

  /** Writes the tensor's bytes `start` to `end` - 1 to `target`, from `at` on. */
  copy(start: number, end: number, target: Uint8Array, at: number): void {
    this.#copy(0, 0, start, end, target, at);
  }

  #copy(level: number, base: number, start: number, end: number, target: Uint8Array, at: number): void {
    const axis = this.#axes[level];
    const period = axis.period * axis.stride;
    const length = end - start;
    const first = Math.min(length, period);
    if (level === this.#axes.length - 1) {
      const phase = start % period;
      const head = Math.min(first, period - phase);
      target.set(this.#block.subarray(base + phase, base + phase + head), at);
      if (head < first) target.set(this.#block.subarray(base, base + first - head), at + head);
    } else {
      for (let position = start; position < start + first; ) {
        const entry = Math.floor(position / axis.stride);
        const entryStart = entry * axis.stride;
        const stop = Math.min(start + first, entryStart + axis.stride);
        const entryBase = base + (entry % axis.period) * axis.blockStride;
        this.#copy(
          level + 1,
          entryBase,
          position - entryStart,
          stop - entryStart,
          target,
          at + position - start,
        );
        position = stop;
      }
    }
    for (let done = first; done < length; ) {
      const more = Math.min(done, length - done);
      target.copyWithin(at + done, at, at + more);
      done += more;
    }
  }
}
