import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect } from 'vitest';
import { safetensorsOf } from '../../proof/fuzz/inputs/containers.js';
import { type Checkpoint, CheckpointError, readCheckpoint } from '../../src/ghn/checkpoint.js';
import type { Weight } from '../../src/ghn/weight.js';

export const FIXTURES = fileURLToPath(new URL('../fixtures/checkpoints/', import.meta.url));
export const ENCODINGS = join(FIXTURES, 'encodings');

/** Returns the files that hold the same GHN of a family, one in each encoding. */
export async function encodingsOf(family: 'ghn2' | 'ghn3'): Promise<string[]> {
  return (await readdir(ENCODINGS)).filter((name) => name.startsWith(`${family}.`)).sort();
}

/** Creates a temporary folder for a test file. Returns a function that writes a file into it. */
export function useFolder(): (name: string, content: Uint8Array) => Promise<string> {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ghn-checkpoint-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  return async (name, content) => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };
}

/** Returns the message with which a file is refused. Fails if it is read, or if the error is not a CheckpointError. */
export async function refusal(path: string): Promise<string> {
  const error: unknown = await readCheckpoint(path).then(
    () => null,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  return (error as CheckpointError).message;
}

/** Returns a safetensors file of float32 tensors. */
export function safetensors(weights: ReadonlyMap<string, Weight>, config?: object): Buffer {
  const header: Record<string, object> = {};
  if (config) header.__metadata__ = { config: JSON.stringify(config) };
  let end = 0;
  for (const [name, { shape, data }] of weights) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const bodies = [...weights.values()].map(({ data }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  );
  return safetensorsOf(header, Buffer.concat(bodies));
}

/** Returns a checkpoint as a safetensors file, with the config in the form of the authors' code. */
export function asSafetensors({ config, weights }: Checkpoint): Buffer {
  const { family, channels, spatial, numClasses, hidden, heads, layers, weightNorm, layerNorm } = config;
  return safetensors(weights, {
    max_shape: [channels, channels, spatial, spatial],
    num_classes: numClasses,
    hid: hidden,
    weight_norm: weightNorm,
    ve: true,
    layernorm: layerNorm,
    ...(family === 'ghn2' ? { hypernet: 'gatedgnn', decoder: 'conv' } : { heads, layers }),
  });
}

/** Returns a tensor of zeros. */
export function zeros(...shape: number[]): Weight {
  return { shape, data: new Float32Array(shape.reduce((product, n) => product * n, 1)) };
}
