/**
 * Measures the memory of predictions against the estimates by which they are accepted or refused: `npx tsx
 * bench/admission.ts`, after `npm run build`. Each is made by a separate service. The measured value is the increase of
 * the peak resident memory of all of its processes. Works only on Linux.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { buildArchitecture } from '../../src/architecture/graph.js';
import type { Graph } from '../../src/architecture/schema.js';
import { loadArchitecture } from '../../src/architecture/zoo.js';
import { createOnnxruntimeEngine } from '../../src/engine/onnxruntime/engine.js';
import { predictionCost } from '../../src/predictions/cost.js';
import { UNLIMITED } from '../../src/predictions/resolve.js';
import { GHN3_T, writeRandomCheckpoint } from './checkpoint.js';
import { RunningService, request } from './service.js';

const NOISE = { noise: 3e-5, orthogonalize: false };
const ORTHOGONAL = { noise: 3e-5, orthogonalize: true };

const CASES: readonly (readonly [network: string | Graph, options: typeof NOISE | null])[] = [
  ['squeezenet1_1', null],
  ['resnet50', null],
  ['vit_b_16', null],
  ['vit_l_16', null],
  [chain(1000), null],
  [chain(4900), null],
  ['resnet50', NOISE],
  ['resnet50', ORTHOGONAL],
  ['convnext_base', ORTHOGONAL],
  ['vit_b_16', ORTHOGONAL],
];

/** Returns a chain of that many convolutions, for which the encoder needs the most memory. */
function chain(length: number): Graph {
  const nodes = Array.from({ length }, (_, k) => ({
    id: `conv${k}`,
    op: 'conv' as const,
    weight: { name: `conv${k}.weight`, shape: [16, 16, 3, 3] },
  }));
  const ids = ['input', ...nodes.map(({ id }) => id)];
  return {
    name: `${length} convolutions`,
    nodes: [{ id: 'input', op: 'input' }, ...nodes],
    edges: ids.slice(1).map((id, k): [string, string] => [ids[k], id]),
  };
}

/** Returns the ids of a process and of those that it started. */
function processes(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return [pid, ...children.flatMap((child) => processes(Number(child)))];
}

/** Returns a size in bytes: VmRSS is the current resident memory, VmHWM its peak. */
function memory(pid: number, key: 'VmRSS' | 'VmHWM'): number {
  return 1024 * Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

async function measure(checkpoint: string, architecture: string | Graph, postprocess: typeof NOISE | null) {
  const service = await RunningService.start({ GHN_CHECKPOINTS: checkpoint, LOG_LEVEL: 'silent' }, 3912);
  await setTimeout(500);
  const before = processes(service.pid).map((pid) => {
    // Resets VmHWM to the current size.
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return { pid, bytes: memory(pid, 'VmRSS') };
  });
  const body = JSON.stringify({ architecture, postprocess });
  const { status, headers } = await request(service.port, 'POST', '/predict', body);
  if (status !== 200) throw new Error(`answered with ${status}`);
  // Once the record is available, the prediction is stored and its statistics are computed.
  await request(service.port, 'GET', headers.location!);
  const bytes = before.reduce((sum, { pid, bytes }) => sum + memory(pid, 'VmHWM') - bytes, 0);
  await service.stop();
  return bytes;
}

const directory = await mkdtemp(join(tmpdir(), 'ghn-serve-bench-'));
try {
  const checkpoint = join(directory, 'ghn3-t.safetensors');
  await writeRandomCheckpoint(checkpoint, GHN3_T);
  const { limits } = await createOnnxruntimeEngine();
  console.log('GHN-3-T                        predicted  measured  ratio');
  for (const [network, options] of CASES) {
    const graph = typeof network === 'string' ? loadArchitecture(network, undefined) : network;
    const job = {
      ghn: '',
      architecture: buildArchitecture(graph, UNLIMITED),
      predictClassifier: true,
      seed: 0,
      dtype: 'F32' as const,
      postprocess: options && { ...options, fromLayer: 0, minChannels: 0, seed: 0 },
    };
    const { resultBytes, workBytes } = predictionCost(job, GHN3_T, limits);
    // Both the engine and the service hold the result until it is stored.
    const predicted = 2 * resultBytes + workBytes;
    const measured = await measure(checkpoint, network, options);
    const suffix = options ? (options.orthogonalize ? ', orthogonal' : ', noise') : '';
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`.padStart(8);
    console.log(
      `${graph.name}${suffix}`.padEnd(30),
      megabytes(predicted).padStart(9),
      megabytes(measured).padStart(9),
      (predicted / measured).toFixed(2).padStart(6),
    );
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
