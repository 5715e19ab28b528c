import { readFileSync } from 'node:fs';
import type { TensorStatistics } from '../../src/statistics/schema.js';
import type { TiledTensor } from '../../src/tensor/tensor.js';
import { parseSafetensors } from '../format/files.js';

interface Case {
  readonly tensor: string;
  readonly shape?: readonly number[];
  readonly rows?: number;
  readonly noise?: string;
  readonly scale?: number;
  readonly offset?: number;
  readonly scale_by?: number;
  readonly statistics: Omit<TensorStatistics, 'name' | 'shape'>;
}

export interface NumpyCase {
  readonly title: string;
  readonly tensor: TiledTensor;
  readonly expected: Case['statistics'];
}

const fixture = (path: string) => readFileSync(new URL(`../fixtures/${path}`, import.meta.url));

/**
 * Returns tensors, some of them tiled, with numpy's statistics of the whole tensors
 * (fixtures/statistics/make-statistics.py).
 */
export function numpyCases(): NumpyCase[] {
  const stored = new Map(
    parseSafetensors(fixture('postprocess/cases.safetensors')).tensors.map(({ name, shape, bytes }) => [
      name,
      { shape, values: new Float32Array(bytes.slice().buffer) },
    ]),
  );
  const cases = JSON.parse(fixture('statistics/cases.json').toString()) as Case[];
  return cases.map(({ statistics, ...given }) => {
    const { tensor: name, rows, shape, noise, scale = 0, offset = 0, scale_by = 1 } = given;
    const { shape: storedShape, values } = stored.get(name)!;
    const blockShape = rows ? [rows, ...storedShape.slice(1)] : storedShape;
    const added = noise ? stored.get(noise)!.values : null;
    const length = blockShape.reduce((product, size) => product * size, 1);
    const block = Float32Array.from({ length }, (_, k) => {
      const noisy = added ? Math.fround(values[k] + Math.fround(Math.fround(scale) * added[k])) : values[k];
      return Math.fround(noisy + offset) * scale_by;
    });
    return {
      title: JSON.stringify(given),
      tensor: { name, shape: shape ?? blockShape, blockShape, block },
      expected: statistics,
    };
  });
}

/** Returns the difference of two numbers relative to the second; 0 if both are 0. */
export function relativeError(actual: number | null, expected: number | null): number {
  if (actual === null || expected === null) return actual === expected ? 0 : Number.POSITIVE_INFINITY;
  return actual === expected ? 0 : Math.abs(actual - expected) / Math.abs(expected);
}
