import type { Architecture } from '../architecture/architecture.js';
import { type Fault, quote } from '../architecture/faults.js';
import { namesOutside } from '../architecture/layout.js';
import { didYouMean } from '../architecture/nearest.js';
import { notPredicted, parameterCount, predictedTensors } from '../architecture/tensors.js';
import { familyOf } from '../ghn/families/index.js';
import { NUMERICS_REVISION } from '../numerics-revision.js';
import {
  type GhnDescription,
  ghnKey,
  type PlannedJob,
  type PredictorDescription,
} from '../predictor/protocol.js';
import type { PredictionRecord } from '../record/record.js';
import { type PredictionCost, predictionCost } from './cost.js';
import { InvalidRequestError, NotFoundError } from './errors.js';
import { expectations } from './expectations.js';
import { predictionId } from './identity.js';
import type { PredictRequest } from './request.js';

/** The plan of a request before anything is computed: its queued record, the job for the predictor, and its cost. */
export interface Plan {
  readonly record: PredictionRecord;
  readonly work: PlannedJob;
  readonly cost: PredictionCost;
}

/** A request without its architecture, which is read before planning. */
export type Options = Omit<PredictRequest, 'architecture' | 'num_classes'>;

/**
 * @param milliseconds how long it took to read and check the architecture
 * @throws InvalidRequestError if the GHN cannot decode a tensor
 */
export function plan(
  request: Options,
  architecture: Architecture,
  milliseconds: number,
  ghn: GhnDescription,
  { engine, products }: PredictorDescription,
): Plan {
  refuseUndecodable(request, architecture, ghn);
  const options = {
    predict_classifier: request.predict_classifier,
    postprocess: request.postprocess ?? null,
    unsupported: request.unsupported,
    seed: request.seed,
    dtype: request.dtype,
    format: request.format,
    // The GHN's name is written into the weights only if the request names it.
    ghn: request.ghn ?? null,
  };
  const id = predictionId({
    libraries: [
      `${engine.name} ${engine.version} ${engine.device}`,
      ...(options.postprocess ? [products] : []),
    ],
    numerics: NUMERICS_REVISION,
    ghn,
    architecture,
    options,
  });
  const record: PredictionRecord = {
    id,
    status: 'queued',
    created_at: new Date().toISOString(),
    request: options,
    architecture: {
      name: architecture.name,
      nodes: architecture.nodes.length,
      tensors: predictedTensors(architecture).length,
      parameters: parameterCount(architecture),
      not_predicted: namesOutside(notPredicted(architecture), architecture),
      left_out: [...(architecture.leftOut ?? [])],
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
    generation: null,
    digest: null,
    warnings: [...(architecture.warnings ?? []), ...expectations(architecture, request, ghn)],
    error: null,
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
    ghn: ghnKey(ghn),
    architecture,
    predictClassifier,
    seed,
    dtype,
    postprocess: postprocess ?? null,
  };
  return { record, work, cost: predictionCost(work, ghn.config, engine.limits) };
}

/** Some families of GHNs can decode tensors only up to a certain size. */
function refuseUndecodable(
  request: Options,
  architecture: Architecture,
  { id, config }: GhnDescription,
): void {
  const family = familyOf(config);
  const faults = predictedTensors(architecture).flatMap((tensor): Fault[] => {
    if (tensor.classifier && !request.predict_classifier) return [];
    const reason = family.refusal(tensor, config);
    return reason === null
      ? []
      : [{ path: '/architecture', message: `${quote(tensor.name)}, [${tensor.shape}], ${reason} (${id})` }];
  });
  if (faults.length > 0) throw new InvalidRequestError(faults);
}

/**
 * Finds the GHN that a request names; without a name, the first.
 *
 * @throws NotFoundError if no GHN has the id
 */
export function findGhn(ghns: readonly GhnDescription[], id: string | undefined): GhnDescription {
  if (id === undefined) return ghns[0];
  const ghn = ghns.find((candidate) => candidate.id === id);
  if (ghn) return ghn;
  const ids = ghns.map((candidate) => candidate.id);
  throw new NotFoundError(`no GHN has the id ${quote(id)}${didYouMean(id, ids)} (loaded: ${ids.join(', ')})`);
}
