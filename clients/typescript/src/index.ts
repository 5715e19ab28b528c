export {
  type ClientOptions,
  dataOf,
  type FollowOptions,
  GhnServeClient,
  type PredictedWeights,
} from './client.js';
export { type Problem, ProblemError } from './problem.js';
export {
  readSafetensors,
  type SafetensorsDtype,
  type SafetensorsFile,
  type StoredTensor,
  toFloat32,
} from './safetensors.js';
export { expand, expandTiled, type Float32Tensor } from './tiled.js';
export type {
  Architecture,
  ArchitectureSummary,
  Ghn,
  Graph,
  PredictionEvent,
  PredictionRecord,
  PredictionResult,
  PredictRequest,
  Stage,
  Statistics,
  TensorStatistics,
} from './types.js';
