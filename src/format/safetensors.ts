import { BYTES_PER_ELEMENT, DTYPES, type Dtype } from '../tensor/dtype.js';
import { elements, type TensorSource } from '../tensor/tensor.js';
import { TensorBytes } from '../tensor/tiling.js';
import type { FileFormat } from './format.js';
import { Layout, ReadyBytes } from './layout.js';

/** The format's alignment: the data begins at a multiple of this number of bytes. */
const ALIGNMENT = 8;

/** A safetensors file of whole tensors. */
export function safetensors(
  tensors: readonly TensorSource[],
  dtype: Dtype,
  metadata: Readonly<Record<string, string>>,
): Layout {
  const entries: [string, unknown][] = [['__metadata__', metadata]];
  let offset = 0;
  for (const { name, shape } of tensors) {
    const end = offset + elements(shape) * BYTES_PER_ELEMENT[dtype];
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  return new Layout([
    new ReadyBytes(encodeHeader(entries)),
    ...tensors.map((tensor) => new TensorBytes(tensor, dtype)),
  ]);
}

/**
 * Encodes the header: its length in eight bytes, then JSON with the keys in the order of the tensors, padded with
 * spaces.
 */
function encodeHeader(entries: readonly (readonly [string, unknown])[]): Uint8Array {
  // Not made from an object, which would put names that look like numbers first.
  const members = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = Buffer.from(`{${members.join(',')}}`);
  const length = Math.ceil(json.byteLength / ALIGNMENT) * ALIGNMENT;
  const bytes = Buffer.alloc(8 + length, ' ');
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, 8);
  return bytes;
}

/** A safetensors file of whole tensors, which the Python package `safetensors` reads. */
export const SAFETENSORS = {
  name: 'safetensors',
  ending: 'safetensors',
  dtypes: DTYPES,
  holdsParts: true,
  holdsPostprocessed: true,
  write: safetensors,
} as const satisfies FileFormat;
