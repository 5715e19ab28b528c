import { InferenceSession } from './library.js';
import { encodeModel, type OnnxModel } from './model.js';

/**
 * Makes a model ready to run on the CPU, with that many threads, or one for each core. Every session has threads of its own, and threads that wait for work by spinning, as they
 * do by default, take the cores from those of the session that has work: several times slower on two cores.
 */
export function createSession(model: OnnxModel, threads: number | null = null): Promise<InferenceSession> {
  return InferenceSession.create(encodeModel(model), {
    executionProviders: ['cpu'],
    ...(threads === null ? {} : { intraOpNumThreads: threads }),
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

/** Weights of a model by their name in it. */
export type ModelWeights = Readonly<Record<string, Float32Array>>;

/**
 * Makes a model ready to run on a device. Its weights go to the device, and onnxruntime keeps none of `weights`.
 * Only one thread: the arithmetic is the device's.
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
    // Errors alone: it warns of each model whose input or result crosses between host and device.
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' }, use_device_allocator_for_initializers: '1' } },
    ...(output === 'gpu-buffer' ? { preferredOutputLocation: output } : {}),
    ...(externalData.length > 0 ? { externalData } : {}),
  });
}
