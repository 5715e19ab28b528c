/**
 * Predicts with GHNs of random weights on one engine: `node measure.js ENGINE SIZE [RUNS]`, where ENGINE is one of
 * `cpu`, `cuda`, `webgpu` and `tensorflow`, and SIZE is `t` or `xl`. Results of `cpu` are saved in the folder WORK, and
 * those of the other engines are compared with them. A line `row | …` is a row of the table.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { GHN3_T, GHN3_XL, writeRandomCheckpoint } from '../../proof/bench/checkpoint.js';
import { parseGraph } from '../../src/architecture/graph.js';
import type { Engine } from '../../src/engine/engine.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { loadGhn } from '../../src/ghn/load.js';
import type { TiledTensor } from '../../src/tensor/tensor.js';
import convnextBase from '../../test/fixtures/architectures/convnext_base.json' with { type: 'json' };
import resnet50 from '../../test/fixtures/architectures/resnet50.json' with { type: 'json' };
import vitB16 from '../../test/fixtures/architectures/vit_b_16.json' with { type: 'json' };

const NETWORKS: Readonly<Record<string, unknown>> = {
  resnet50,
  convnext_base: convnextBase,
  vit_b_16: vitB16,
};
const LIMITS = { maxNodes: 5000, maxParameters: 2e9 };

const ENGINES: Readonly<Record<string, () => Promise<Engine>>> = {
  cpu: async () =>
    (await import('../../src/engine/onnxruntime/engine.js')).createOnnxruntimeEngine() as never,
  cuda: async () => (await import('../../src/engine/onnxruntime/cuda.js')).createCudaEngine(),
  'cuda-on-cpu': async () =>
    (await import('../../src/engine/onnxruntime/cuda.js')).createCudaEngine({ provider: 'cpu' }),
  webgpu: async () => (await import('../../src/engine/onnxruntime/webgpu.js')).createWebgpuEngine(),
  tensorflow: async () =>
    (await import('../../src/engine/tensorflow/engine.js')).createTensorflowEngine({
      backend: 'native',
      device: 'cuda',
    }),
};

const [name = 'cpu', size = 't', runs = '5'] = process.argv.slice(2);
const work = process.env.WORK ?? '/tmp/ghn-gpu';
mkdirSync(work, { recursive: true });

/** Returns the MiB in use on the card, according to its driver; null without a card. */
function cardMemory(): number | null {
  try {
    const command = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
    return Number(execFileSync('nvidia-smi', command, { encoding: 'utf8' }).split('\n')[0]);
  } catch {
    return null;
  }
}

function bytesOf(tensors: readonly TiledTensor[]): Buffer {
  return Buffer.concat(
    tensors.map(({ block }) => Buffer.from(block.buffer, block.byteOffset, block.byteLength)),
  );
}

/** Returns the largest difference between float32 values, in standard deviations of the expected ones. */
function worstDifference(actual: Buffer, expected: Buffer): number {
  const floats = ({ buffer, byteOffset, byteLength }: Buffer) =>
    new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  const [a, b] = [floats(actual), floats(expected)];
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let squares = 0;
  let worst = 0;
  for (let k = 0; k < b.length; k++) {
    squares += b[k] ** 2;
    const difference = Math.abs(a[k] - b[k]);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return worst / Math.sqrt(squares / b.length);
}

/** Returns the memory of the process itself, and including the pages of libraries and of the device. */
function memory(): string {
  const status = readFileSync('/proc/self/status', 'utf8');
  const megabytes = (key: string) =>
    ((1024 * Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1])) / 1e6).toFixed(0);
  return `${megabytes('RssAnon')} MB of its own, ${megabytes('VmRSS')} MB resident (at most ${megabytes('VmHWM')})`;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

const checkpoint = join(work, `ghn3-${size}.safetensors`);
if (!existsSync(checkpoint)) await writeRandomCheckpoint(checkpoint, size === 'xl' ? GHN3_XL : GHN3_T);

const engine = await ENGINES[name]!();
let since = performance.now();
const ghn = await loadGhn(await readCheckpoint(checkpoint), engine);
const loaded = performance.now();
// Waits because V8 frees large buffers in the background.
await setTimeout(1000);
console.log(
  `${name} ${size}: ${engine.name} ${engine.version} on ${engine.device}, loaded in ` +
    `${((loaded - since) / 1000).toFixed(2)} s, the process has ${memory()}`,
);

for (const [label, graph] of Object.entries(NETWORKS)) {
  if (process.env.NETWORK && process.env.NETWORK !== label) continue;
  const architecture = parseGraph(graph, LIMITS);
  const times: number[] = [];
  const stages: Record<string, number[]> = { graph: [], encode: [], decode: [] };
  let first = 0;
  let tensors: TiledTensor[] = [];
  for (let run = 0; run <= Number(runs); run++) {
    let stage = '';
    const spent: Record<string, number> = {};
    const begin = (next: string) => {
      const now = performance.now();
      if (stage) spent[stage] = now - since;
      stage = next;
      since = now;
    };
    const start = performance.now();
    tensors = await ghn.predict(architecture, { predictClassifier: true, seed: 1 }, begin);
    begin('');
    const milliseconds = performance.now() - start;
    if (run === 0) {
      first = milliseconds;
      continue;
    }
    times.push(milliseconds);
    for (const key of Object.keys(stages)) stages[key].push(spent[key]);
  }
  const file = join(work, `${size}-${label}.f32`);
  const bytes = bytesOf(tensors);
  let difference = '';
  if (name === 'cpu') {
    writeFileSync(file, bytes);
    const layout = tensors.map(({ name: tensor, blockShape }) => ({ name: tensor, blockShape }));
    writeFileSync(file.replace('.f32', '.json'), JSON.stringify(layout));
  }
  if (name !== 'cpu' && existsSync(file))
    difference = worstDifference(bytes, readFileSync(file)).toExponential(1);
  console.log(
    `row | ${name} | ${size} | ${label} | ${median(times).toFixed(1)} | ${median(stages.encode).toFixed(1)} | ` +
      `${median(stages.decode).toFixed(1)} | ${first.toFixed(0)} | ${difference}`,
  );
}

if (process.env.REPEAT) {
  // The weights are copied to the device once, so the card's memory no longer changes after some predictions.
  const architecture = parseGraph(resnet50, LIMITS);
  const memory: (number | null)[] = [cardMemory()];
  for (let run = 1; run <= Number(process.env.REPEAT); run++) {
    await ghn.predict(architecture, { predictClassifier: true, seed: run });
    if (run % 20 === 0) memory.push(cardMemory());
  }
  console.log(`device memory over ${process.env.REPEAT} predictions, MiB: ${memory.join(' ')}`);
}
console.log(`  engine holds ${(engine.memory() / 1e6).toFixed(0)} MB, process ${memory()}`);
await engine.dispose();
