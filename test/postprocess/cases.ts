import { readFileSync } from 'node:fs';
import type { FloatArray } from '../../src/postprocess/products.js';
import type { TiledTensor } from '../../src/tensor/tensor.js';

/** A weight and the result of the authors' code. Three cases also have the noise that it drew. */
export interface Case {
  readonly name: string;
  readonly weight: TiledTensor;
  readonly deviation: number;
  readonly noisy: TiledTensor | null;
  readonly orthogonal: Float32Array;
}

interface Entry {
  readonly dtype: 'F32' | 'F64';
  readonly shape: readonly number[];
  readonly data_offsets: readonly [start: number, end: number];
}

const bytes = readFileSync(new URL('../fixtures/postprocess/cases.safetensors', import.meta.url));
const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
const header = JSON.parse(bytes.toString('utf8', 8, headerEnd)) as Record<string, Entry>;

function values(name: string): FloatArray {
  const { dtype, data_offsets } = header[name];
  const [start, end] = data_offsets.map((offset) => headerEnd + offset);
  const copy = new Uint8Array(bytes.subarray(start, end)).buffer;
  return dtype === 'F32' ? new Float32Array(copy) : new Float64Array(copy);
}

function tensor(name: string): TiledTensor {
  const { shape } = header[name];
  return { name, shape, blockShape: shape, block: new Float32Array(values(name)) };
}

export const CASES: readonly Case[] = Object.keys(header)
  .filter((key) => key.endsWith('.corr_std'))
  .map((key) => key.replace('.corr_std', ''))
  .map((name) => {
    const noisy = `${name}.noisy` in header;
    return {
      name,
      weight: tensor(`${name}.weight`),
      deviation: values(`${name}.corr_std`)[0],
      noisy: noisy ? tensor(`${name}.noisy`) : null,
      orthogonal: new Float32Array(values(`${name}.${noisy ? 'noisy_orthogonal' : 'orthogonal'}`)),
    };
  });
