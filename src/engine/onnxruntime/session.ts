import { InferenceSession } from './library.js';
import { encodeModel, type OnnxModel } from './model.js';

/**
 * Prepares a model to run on the CPU with `threads` threads, or one for each core. Every session has its own threads.
 * By default, threads spin while they wait for work, and so take the cores from the session that has work: on two
 * cores, this makes it several times slower. So spinning is off.
 */
export function createSession(model: OnnxModel, threads: number | null = null): Promise<InferenceSession> {
  return InferenceSession.create(encodeModel(model), {
    executionProviders: ['cpu'],
    ...(threads === null ? {} : { intraOpNumThreads: threads }),
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

/** Weights of a model, by their names in the model. */
export type ModelWeights = Readonly<Record<string, Float32Array>>;

/**
 * Prepares a model to run on a device. Its weights move to the device, and onnxruntime keeps no reference to `weights`.
 * One thread is enough, since the device does the arithmetic.
 */
export function createDeviceSession(
  model: OnnxModel,
  provider: 'cpu' | 'cuda' | 'webgpu',
  output: 'cpu' | 'gpu-buffer',
  weights: ModelWeights = {},
): Promise<InferenceSession> {
  const externalData = Object.entries(weights).map(([path, { buffer, byteOffset, byteLength }]) => ({
    path,
    data: new Uint8Array(buffer, byteOffset, byteLength),
  }));
  return InferenceSession.create(encodeModel(model), {
    executionProviders: [provider],
    intraOpNumThreads: 1,
    // Log only errors: onnxruntime warns about each model whose input or result moves between host and device.
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' }, use_device_allocator_for_initializers: '1' } },
    ...(output === 'gpu-buffer' ? { preferredOutputLocation: output } : {}),
    ...(externalData.length > 0 ? { externalData } : {}),
  });
}
