import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { parseArchitecture } from '../../src/architecture/parse.js';
import { Predictor } from '../../src/predictor/predictor.js';
import type { PredictionJob } from '../../src/predictor/protocol.js';
import { LIMITS } from '../architecture/fixtures.js';
import { keyOf } from '../helpers/ghn.js';
import { checkpointFile } from '../helpers/service.js';

/** The digests of a numerics revision, by engine and kind of processor. */
export interface RecordedNumerics {
  readonly revision: number;
  readonly digests: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const NUMERICS_FILE = new URL('./digests.json', import.meta.url);

export const ENGINES = ['onnxruntime', 'wasm'] as const;
export type NumericsEngine = (typeof ENGINES)[number];

/**
 * onnxruntime chooses its kernels by the features of the processor. WebAssembly's results are the same on all
 * processors.
 */
export function digestKey(engine: NumericsEngine): string {
  return engine === 'wasm' ? 'wasm' : `onnxruntime ${process.arch} ${vectorUnit()}`;
}

function vectorUnit(): string {
  const flags = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  return ['avx512f', 'avx2', 'avx', 'sse4_1'].find((flag) => flags.includes(` ${flag} `)) ?? process.platform;
}

const POSTPROCESS = { noise: 3e-5, orthogonalize: true, fromLayer: 0, minChannels: 0, seed: 0 };

const CASES = [
  { name: 'ghn3 resnet18', ghn: 'ghn3-nano.pt', network: 'resnet18-10', postprocess: null },
  { name: 'ghn3 vit_b_16', ghn: 'ghn3-nano.pt', network: 'vit_b_16-10', postprocess: null },
  {
    name: 'ghn2 mobilenet_v3_small',
    ghn: 'ghn2-nano.pt',
    network: 'mobilenet_v3_small-10',
    postprocess: null,
  },
  // Post-processing uses onnxruntime's products on every engine.
  {
    name: 'ghn3 squeezenet1_1 post-processed',
    ghn: 'ghn3-nano.pt',
    network: 'squeezenet1_1-10',
    postprocess: POSTPROCESS,
  },
] as const;

/** Computes digests of a few predictions' values on an engine. */
export async function computeDigests(engine: NumericsEngine): Promise<Record<string, string>> {
  const checkpoints = ['ghn3-nano.pt', 'ghn2-nano.pt'].map((file) => ({
    id: file,
    path: checkpointFile(file),
  }));
  const predictor = new Predictor({ engine: { engine, device: 'cpu' }, checkpoints });
  predictor.start();
  try {
    await predictor.started;
    const digests: Record<string, string> = {};
    for (const { name, ghn, network, postprocess } of CASES) {
      if (engine === 'wasm' && postprocess) continue;
      const file = new URL(`../fixtures/architectures/${network}.json`, import.meta.url);
      const job: PredictionJob = {
        ghn: await keyOf(ghn),
        architecture: parseArchitecture(JSON.parse(readFileSync(file, 'utf8')), LIMITS),
        predictClassifier: true,
        seed: 1,
        dtype: 'F32',
        postprocess,
      };
      const { tensors } = await predictor.predict(job);
      const hash = createHash('sha256');
      for (const { name: tensor, block } of tensors)
        hash.update(tensor).update(new Uint8Array(block.buffer, block.byteOffset, block.byteLength));
      digests[name] = hash.digest('hex');
    }
    return digests;
  } finally {
    await predictor.close();
  }
}
