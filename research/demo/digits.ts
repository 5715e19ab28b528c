import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

/** Mean and deviation of pixels in [0, 1], by which the GHN's training normalises them. */
const MEAN = 0.1307;
const STD = 0.3081;

const DIRECTORY = new URL('digits/', import.meta.url);

export interface Digits {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** Normalised, [count, height, width]. */
  readonly images: Float32Array;
  /** [count] */
  readonly labels: Uint8Array;
}

/** A thousand digits of MNIST that the GHN's training has not seen. */
export async function readDigits(): Promise<Digits> {
  const images = await readIdx('images-idx3-ubyte.gz');
  const labels = await readIdx('labels-idx1-ubyte.gz');
  const [count = 0, height = 0, width = 0] = images.shape;
  return {
    count,
    height,
    width,
    images: Float32Array.from(images.values, (pixel) => (pixel / 255 - MEAN) / STD),
    labels: labels.values,
  };
}

/** MNIST's format: two zeros, the type (8: unsigned bytes), the number of dimensions, these in 32 bits each, values. */
async function readIdx(file: string): Promise<{ shape: number[]; values: Uint8Array }> {
  const bytes = gunzipSync(await readFile(new URL(file, DIRECTORY)));
  const dimensions = bytes.readUInt8(3);
  const shape = Array.from({ length: dimensions }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  return { shape, values: bytes.subarray(4 + 4 * dimensions) };
}
