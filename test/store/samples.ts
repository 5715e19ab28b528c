import { createHash } from 'node:crypto';
import type { PredictionRecord } from '../../src/record/record.js';
import type { PredictionToStore, StoredPrediction, Version } from '../../src/store/store.js';
import { elements, type TiledTensor } from '../../src/tensor/tensor.js';
import { tinyGraph } from '../architecture/fixtures.js';

/** The id of the n-th prediction. */
export function idOf(n: number): string {
  return n.toString(16).padStart(32, '0');
}

/** The one commit of the n-th prediction. */
export const versionOf = (n: number): Version => sampleRecord(n);

/** Time of the n-th prediction: the larger n, the newer. */
export function sampleRecord(n: number, fields: Partial<PredictionRecord> = {}): PredictionRecord {
  const id = idOf(n);
  return {
    id,
    status: 'succeeded',
    created_at: new Date(Date.UTC(2026, 10, 24) + n * 1000).toISOString(),
    request: {
      ghn: 'ghn3-tiny',
      predict_classifier: true,
      postprocess: null,
      unsupported: 'refuse',
      seed: 0,
      dtype: 'F32',
      format: 'safetensors',
    },
    architecture: { name: 'tiny', nodes: 7, tensors: 5, parameters: 634, not_predicted: [], left_out: [] },
    ghn: { id: 'ghn3-tiny', digest: 'sha256:0' },
    engine: 'onnxruntime',
    device: 'cpu',
    latency_ms: null,
    statistics: null,
    applied: null,
    overflow: null,
    bytes: null,
    generation: 'a1b2c3d4e5f60718',
    digest: null,
    warnings: [],
    error: null,
    ...fields,
  };
}

/** A record of 3 million characters, with thousands of tensors' names. */
export function largeRecord(n: number, fields: Partial<PredictionRecord> = {}): PredictionRecord {
  const { architecture } = sampleRecord(n);
  const names = Array.from({ length: 6000 }, (_, index) => `${index}`.padStart(512, 'm'));
  return sampleRecord(n, { architecture: { ...architecture, not_predicted: names }, ...fields });
}

/** A tensor whose block is filled with bits that depend on `seed`: NaNs, infinities and negative zeros among them. */
export function sampleTensor(
  name: string,
  shape: readonly number[],
  blockShape: readonly number[],
  seed: number,
): TiledTensor {
  const bits = new Uint32Array(elements(blockShape));
  let state = seed;
  for (let k = 0; k < bits.length; k++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bits[k] = state;
  }
  bits.set([0x80000000, 0x7f800000, 0x7fc00001].slice(0, bits.length));
  return { name, shape, blockShape, block: new Float32Array(bits.buffer) };
}

/** The n-th prediction: a few tensors, tiled ones and full ones, one of them longer than the store reads at a time. */
export function samplePrediction(n: number, fields: Partial<PredictionRecord> = {}): PredictionToStore {
  return {
    record: sampleRecord(n, fields),
    architecture: tinyGraph(),
    tensors: [
      sampleTensor('conv1.weight', [64, 3, 7, 7], [16, 3, 7, 7], n),
      sampleTensor('bn1.weight', [64], [3], n + 1),
      sampleTensor('fc.weight', [600, 500], [600, 500], n + 2),
      sampleTensor('fc.bias', [10], [10], n + 3),
    ],
  };
}

/** The n-th prediction as a small network has it: all of it is a few kilobytes. */
export function smallPrediction(n: number): PredictionToStore {
  const { record, architecture, tensors } = samplePrediction(n);
  return { record, architecture, tensors: tensors.slice(0, 2) };
}

/** One of about `bytes` altogether, in one tensor. */
export function predictionOf(n: number, bytes: number): PredictionToStore {
  const size = Math.floor(bytes / 4);
  return {
    record: sampleRecord(n),
    architecture: tinyGraph(),
    tensors: [sampleTensor('weight', [size], [size], n)],
  };
}

/** The number of the prediction with that id. */
export function numberOf(id: string): number {
  return Number.parseInt(id, 16);
}

/** The sha256 of every block's bits, by tensor. */
export async function digestsOf(stored: StoredPrediction): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const { name, blockShape, readBlock } of stored.tensors) {
    digests[name] = digestOf(await readBlock(0, elements(blockShape)));
  }
  return digests;
}

export function expectedDigests({ tensors }: PredictionToStore): Record<string, string> {
  return Object.fromEntries(tensors.map(({ name, block }) => [name, digestOf(block)]));
}

function digestOf(values: Float32Array): string {
  return createHash('sha256').update(bytesOf(values)).digest('hex');
}

export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
