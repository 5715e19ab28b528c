import { createRequire } from 'node:module';

// onnxruntime 1.30 looks up its maker's host and writes a device id and a log at each start, unless this is set before it
// is loaded (microsoft/onnxruntime 27379). An import statement would load it before this line runs.
process.env.ORT_DISABLE_TELEMETRY = '1';

type Library = typeof import('onnxruntime-node');

const library = createRequire(import.meta.url)('onnxruntime-node') as Library;

/** onnxruntime, loaded without telemetry. Nothing else in the project loads it. */
export const { InferenceSession, Tensor, env }: Pick<Library, 'InferenceSession' | 'Tensor' | 'env'> =
  library;
export type InferenceSession = import('onnxruntime-node').InferenceSession;
export type Tensor = import('onnxruntime-node').Tensor;
