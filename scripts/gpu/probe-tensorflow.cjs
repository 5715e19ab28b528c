/**
 * Checks that TensorFlow computes correctly on the GPU of this machine: `node probe-tensorflow.cjs`. Exits with 1 if
 * TensorFlow has no GPU, and with 2 if a product differs from that in plain JavaScript.
 */
const tf = require('@tensorflow/tfjs-node-gpu');

const ROWS = 96;
const INNER = 384;
const COLUMNS = 128;
const values = (count, step) => Float32Array.from({ length: count }, (_, k) => Math.sin(k * step));

const { binding, isUsingGpuDevice } = tf.backend();
console.log(`TensorFlow ${binding.TF_Version}, on a GPU: ${isUsingGpuDevice}`);
if (!isUsingGpuDevice) process.exit(1);

const [a, b] = [values(ROWS * INNER, 0.37), values(COLUMNS * INNER, 0.73)];
const start = performance.now();
const product = tf.matMul(tf.tensor2d(a, [ROWS, INNER]), tf.tensor2d(b, [COLUMNS, INNER]), false, true).dataSync();
console.log(`first product after ${(performance.now() - start).toFixed(0)} ms`);
let worst = 0;
for (let row = 0; row < ROWS; row++) {
  for (let column = 0; column < COLUMNS; column++) {
    let sum = 0;
    for (let k = 0; k < INNER; k++) sum += a[row * INNER + k] * b[column * INNER + k];
    worst = Math.max(worst, Math.abs(sum - product[row * COLUMNS + column]));
  }
}
console.log(`largest difference of a product: ${worst.toExponential(1)}`);
process.exit(worst < 1e-3 ? 0 : 2);
