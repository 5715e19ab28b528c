import type { Architecture } from '../architecture/architecture.js';
import { quote } from '../architecture/faults.js';
import { namesOutside } from '../architecture/layout.js';
import { didYouMean } from '../architecture/nearest.js';
import { notPredicted, parameterCount, predictedTensors } from '../architecture/tensors.js';
import type { GhnDescription, PredictionJob, PredictorDescription } from '../predictor/protocol.js';
import { type PredictionCost, predictionCost } from './cost.js';
import { NotFoundError } from './errors.js';
import { predictionId } from './identity.js';
import type { PredictionRecord } from './record.js';
import type { PredictRequest } from './request.js';

/** What a request comes to before anything is computed: its record, queued, the predictor's part, and its cost. */
export interface Plan {
  readonly record: PredictionRecord;
  readonly work: PredictionJob;
  readonly cost: PredictionCost;
}

export interface PlanContext {
  readonly description: PredictorDescription;
  /** The service's own version: its code has a part in every prediction's values. */
  readonly version: string;
}

/**
 * @param milliseconds how long it took to read and check the architecture
 * @throws NotFoundError where no GHN has the id that the request names
 */
export function plan(
  request: PredictRequest,
  architecture: Architecture,
  milliseconds: number,
  { description, version }: PlanContext,
): Plan {
  const ghn = findGhn(description.ghns, request.ghn);
  const { engine } = description;
  const options = {
    predict_classifier: request.predict_classifier,
    postprocess: request.postprocess ?? null,
    seed: request.seed,
    dtype: request.dtype,
    format: request.format,
  };
  const id = predictionId({
    engine: `${engine.name} ${engine.version} ${engine.device}; ghn-serve ${version}`,
    ghnDigest: ghn.digest,
    architecture,
    options,
  });
  const record: PredictionRecord = {
    id,
    status: 'queued',
    created_at: new Date().toISOString(),
    request: { ghn: ghn.id, ...options },
    architecture: {
      name: architecture.name,
      nodes: architecture.nodes.length,
      tensors: predictedTensors(architecture).length,
      parameters: parameterCount(architecture),
      not_predicted: namesOutside(notPredicted(architecture), architecture),
    },
    ghn: { id: ghn.id, digest: ghn.digest },
    engine: engine.name,
    device: engine.device,
    latency_ms: {
      parse: milliseconds,
      graph: 0,
      encode: 0,
      decode: 0,
      postprocess: 0,
      serialize: 0,
      total: milliseconds,
    },
    statistics: null,
    applied: null,
    overflow: null,
    bytes: null,
    digest: null,
    error: null,
    links: {
      self: `/predictions/${id}`,
      weights: `/predictions/${id}/weights`,
      statistics: `/predictions/${id}/statistics`,
      architecture: `/predictions/${id}/architecture`,
    },
  };
  const { predict_classifier: predictClassifier, seed, dtype } = request;
  const postprocess = request.postprocess && {
    noise: request.postprocess.noise,
    orthogonalize: request.postprocess.orthogonalize,
    fromLayer: request.postprocess.from_layer,
    minChannels: request.postprocess.min_channels,
    seed: request.postprocess.seed,
  };
  const work = {
    ghn: ghn.id,
    architecture,
    predictClassifier,
    seed,
    dtype,
    postprocess: postprocess ?? null,
  };
  return { record, work, cost: predictionCost(work, ghn.config, engine.limits) };
}

function findGhn(ghns: readonly GhnDescription[], id: string | undefined): GhnDescription {
  if (id === undefined) return ghns[0];
  const ghn = ghns.find((candidate) => candidate.id === id);
  if (ghn) return ghn;
  const ids = ghns.map((candidate) => candidate.id);
  throw new NotFoundError(`no GHN has the id ${quote(id)}${didYouMean(id, ids)} (loaded: ${ids.join(', ')})`);
}
