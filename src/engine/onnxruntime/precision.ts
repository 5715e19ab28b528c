import type { Engine, Matrix } from '../engine.js';

/** The device rounds the factors of float32 products. */
export class ImpreciseError extends Error {}

/** Rows and columns of the product that is checked: large enough to run on the units that would round. */
const CHECKED = 256;

/** Float32 products of this size are usually off by 1e-6; with factors rounded to TF32, by 3e-4. */
const PRECISION = 2e-5;

/** @throws ImpreciseError if the engine's products are not as exact as float32 allows */
export async function checkPrecision<M extends Matrix>(engine: Engine<M>): Promise<void> {
  const x = Float32Array.from({ length: CHECKED * CHECKED }, (_, k) => Math.sin(k + 1));
  const product = await engine.scope(async () => {
    const matrix = await engine.input(x, CHECKED, CHECKED);
    return engine.read(await engine.linear(matrix, { weight: matrix, bias: null }));
  });
  let worst = 0;
  let scale = 0;
  for (let row = 0; row < CHECKED; row += 17) {
    for (let column = 0; column < CHECKED; column++) {
      let sum = 0;
      for (let k = 0; k < CHECKED; k++) sum += x[row * CHECKED + k] * x[column * CHECKED + k];
      worst = Math.max(worst, Math.abs(sum - product[row * CHECKED + column]));
      scale = Math.max(scale, Math.abs(sum));
    }
  }
  if (worst / scale > PRECISION) {
    throw new ImpreciseError(
      `The GPU rounds the factors of its products (errors of ${(worst / scale).toExponential(1)}): start the service ` +
        'with NVIDIA_TF32_OVERRIDE=0 in its environment.',
    );
  }
}
