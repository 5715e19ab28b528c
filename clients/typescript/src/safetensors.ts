const ITEM_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

export type SafetensorsDtype = keyof typeof ITEM_BYTES;

/** A tensor in the form of the file. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Little-endian, row-major: a view of the file's bytes, not a copy. */
  readonly bytes: Uint8Array;
}

export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors in the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

interface HeaderEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * Reads a safetensors file without copying tensors.
 *
 * @throws Error if the file is incomplete, or its header does not match its bytes
 */
export function readSafetensors(file: Uint8Array): SafetensorsFile {
  if (file.byteLength < 8) throw new Error('not a safetensors file: it has fewer than 8 bytes');
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (8 + length > file.byteLength)
    throw new Error('not a safetensors file, or cut off: its header ends behind it');
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<
    string,
    unknown
  >;
  const { __metadata__: metadata = {}, ...entries } = header;
  const data = file.subarray(8 + length);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    const {
      dtype,
      shape,
      data_offsets: [start, end],
    } = entry as HeaderEntry;
    const size = shape.reduce((product, extent) => product * extent, ITEM_BYTES[dtype] ?? Number.NaN);
    if (end - start !== size || end > data.byteLength) {
      throw new Error(`the file's bytes do not fit its header at ${JSON.stringify(name)}`);
    }
    tensors.set(name, { name, dtype, shape, bytes: data.subarray(start, end) });
  }
  return { metadata: metadata as Record<string, string>, tensors };
}

/**
 * Returns the values of an F32, F16 or BF16 tensor. F16 and BF16 are widened exactly.
 *
 * @throws Error for another dtype
 */
export function toFloat32({ name, dtype, bytes }: StoredTensor): Float32Array {
  // Copies the bytes if they are not aligned for a typed array.
  if (dtype === 'F32') return new Float32Array(aligned(bytes, 4), 0, bytes.byteLength / 4);
  const halves = new Uint16Array(aligned(bytes, 2), 0, bytes.byteLength / 2);
  const bits = new Uint32Array(halves.length);
  if (dtype === 'BF16') {
    for (let k = 0; k < halves.length; k++) bits[k] = halves[k] << 16;
    return new Float32Array(bits.buffer);
  }
  if (dtype === 'F16') {
    const values = new Float32Array(halves.length);
    for (let k = 0; k < halves.length; k++) values[k] = widenHalf(halves[k]);
    return values;
  }
  throw new Error(`${name} is ${dtype}: only F32, F16 and BF16 are weights`);
}

function aligned(bytes: Uint8Array, alignment: number): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength % alignment === 0) return buffer;
  return bytes.slice().buffer as ArrayBuffer;
}

function widenHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
