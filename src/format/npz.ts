import { crc32 } from 'node:zlib';
import { BYTES_PER_ELEMENT, type Dtype } from '../tensor/dtype.js';
import { elements, type TensorSource } from '../tensor/tensor.js';
import { TensorBytes } from '../tensor/tiling.js';
import { KeptChecksums } from './checksums.js';
import { tensorCrc32 } from './crc32.js';
import type { Checksums, FileFormat } from './format.js';
import { type ByteSource, Layout, ReadyBytes } from './layout.js';
import { once } from './once.js';
import { centralHeader, endOfDirectory, localHeader, type ZipEntry } from './zip.js';

/** numpy's names for the element types that it has. */
const DESCRIPTIONS: ReadonlyMap<Dtype, string> = new Map([
  ['F32', '<f4'],
  ['F16', '<f2'],
]);

/** The data of an .npy file begins at a multiple of this number of bytes. */
const NPY_ALIGNMENT = 64;

/**
 * Writes numpy's .npz: a zip of stored `NAME.npy` files. The headers of a zip hold checksums of the data after them.
 * They are computed when bytes of the headers are requested, so that the first bytes of an answer wait only for the
 * first tensor.
 */
export function npz(
  tensors: readonly TensorSource[],
  dtype: Dtype,
  _metadata: Readonly<Record<string, string>> = {},
  checksums: Checksums = new KeptChecksums(),
): Layout {
  const parts: ByteSource[] = [];
  const entries: ZipEntry[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    const header = npyHeader(tensor.shape, dtype);
    const entry: ZipEntry = {
      name: `${tensor.name}.npy`,
      size: header.byteLength + elements(tensor.shape) * BYTES_PER_ELEMENT[dtype],
      offset,
      crc: () => checksums.of(tensor.name, () => tensorCrc32(tensor, dtype, crc32(header))),
    };
    const local = new HeaderBytes(localHeader(entry, 0).byteLength, async () =>
      localHeader(entry, await entry.crc()),
    );
    entries.push(entry);
    parts.push(local, new ReadyBytes(header), new TensorBytes(tensor, dtype));
    offset += local.byteLength + entry.size;
  }
  const directory = (crcs: readonly number[]) =>
    Buffer.concat(entries.map((entry, index) => centralHeader(entry, crcs[index])));
  const directorySize = directory(entries.map(() => 0)).byteLength;
  parts.push(
    new HeaderBytes(directorySize, async () => {
      const crcs: number[] = [];
      for (const { crc } of entries) crcs.push(await crc());
      return directory(crcs);
    }),
    new ReadyBytes(endOfDirectory(entries.length, offset, directorySize)),
  );
  return new Layout(parts);
}

/** Encodes a header in version 1.0 of the .npy format (numpy.lib.format). */
function npyHeader(shape: readonly number[], dtype: Dtype): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': '${DESCRIPTIONS.get(dtype)}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const prefix = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  const length = Math.ceil((prefix.byteLength + dictionary.length + 1) / NPY_ALIGNMENT) * NPY_ALIGNMENT;
  prefix.writeUInt16LE(length - prefix.byteLength, 8);
  return Buffer.concat([prefix, Buffer.from(`${dictionary.padEnd(length - prefix.byteLength - 1)}\n`)]);
}

/** Bytes of known length that are made when they are first requested. */
class HeaderBytes implements ByteSource {
  readonly byteLength: number;
  readonly #make: () => Promise<Uint8Array>;

  constructor(byteLength: number, make: () => Promise<Uint8Array>) {
    this.byteLength = byteLength;
    this.#make = once(make);
  }

  async copy(start: number, end: number, target: Uint8Array, at: number): Promise<void> {
    target.set((await this.#make()).subarray(start, end), at);
  }
}

/** A zip of .npy files, which `numpy.load` reads. */
export const NPZ = {
  name: 'npz',
  ending: 'npz',
  dtypes: [...DESCRIPTIONS.keys()],
  holdsParts: false,
  holdsPostprocessed: true,
  write: npz,
} as const satisfies FileFormat;
