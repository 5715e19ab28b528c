import { predictedTensors } from '../architecture/tensors.js';
import type { EngineLimits } from '../engine/engine.js';
import type { GhnConfig } from '../ghn/checkpoint.js';
import { MAX_PLACES, MAX_PRODUCT } from '../ghn/decoder/kernel-decoder.js';
import { familyOf } from '../ghn/families/index.js';
import { touched } from '../postprocess/touched.js';
import type { PredictionJob, Stage } from '../predictor/protocol.js';
import { elements } from '../tensor/tensor.js';

/** The parts of a prediction's time: the stages, and the transfer of the result to this process. */
export type Part = Stage | 'hand over';

/** The predicted cost of a prediction, from its architecture and options. */
export interface PredictionCost {
  /** Bytes of the result: the blocks of its tensors, and whole tensors where they are post-processed. */
  readonly resultBytes: number;
  /** Bytes that the architecture's text takes up in this process until it is stored; 0 for small ones. */
  readonly requestBytes: number;
  /** The most bytes that the engine needs for its work, besides the result. */
  readonly workBytes: number;
  /** Units of work for each part. How long a unit takes depends on the machine. */
  readonly work: Readonly<Record<Part, number>>;
}

const FLOAT_BYTES = 4;

/**
 * Memory that every prediction takes: code that runs for the first time, memory that allocators keep, and results
 * that wait for garbage collection.
 */
const BASE_BYTES = 64 * 2 ** 20;

/** The engine holds this many copies of the scores of one chunk of an attention while it turns them into weights. */
const SCORE_COPIES = 5;

/** Rows that a layer of the encoder makes for each node, and the number of layers whose rows are not yet collected. */
const ROWS_PER_LAYER = 14;
const LAYERS_ALIVE = 2;

/**
 * Bytes for each number of a weight that is post-processed: the weight and its transpose, and copies in float64 if it
 * is made orthogonal.
 */
const NOISE_BYTES = 8;
const ORTHOGONAL_BYTES = 28;

/** The least work of a stage. */
const LEAST_WORK = 1e6;

/** Reading a weight takes as long as this many multiplications. */
const READ_WORK = 10;

/** Drawing a normal random number takes as long as this many multiplications. */
const NOISE_WORK = 100;

/** Predicts the cost of a prediction by a GHN of the given sizes on an engine with the given limits. */
export function predictionCost(
  job: PredictionJob,
  ghn: GhnConfig,
  { scoresAtOnce, headsAtOnce }: EngineLimits,
): PredictionCost {
  const family = familyOf(ghn);
  const nodes = job.architecture.nodes.length;
  const processed = processedWeights(job);
  let result = 0;
  let largestBlock = 0;
  let places = 0;
  let products = 0;
  let outputs = 0;
  let inputs = 0;
  let largestProcessed = 0;
  let processing = 0;
  for (const tensor of predictedTensors(job.architecture)) {
    const { name, shape, classifier } = tensor;
    if (classifier && !job.predictClassifier) continue;
    const kernel = family.decodedSize(tensor, ghn);
    const block = kernel.outputs * kernel.inputs * kernel.rest;
    largestBlock = Math.max(largestBlock, block);
    if (shape.length > 1) {
      places += kernel.places;
      products += kernel.products;
      outputs = Math.max(outputs, kernel.outputs);
      inputs = Math.max(inputs, kernel.inputs);
    }
    if (!processed.has(name)) {
      result += block;
      continue;
    }
    const whole = elements(shape);
    const rows = Math.min(shape[0], whole / shape[0]);
    result += whole;
    largestProcessed = Math.max(largestProcessed, whole);
    processing += whole * (NOISE_WORK + (job.postprocess!.orthogonalize ? 4 * rows : 0));
  }
  const { hidden } = ghn;
  const scores = nodes * nodes * Math.min(ghn.heads, headsAtOnce ?? ghn.heads);
  const perceptron = Math.min(places, MAX_PLACES) * 16 * hidden;
  return {
    resultBytes: FLOAT_BYTES * result,
    requestBytes: 0,
    workBytes:
      BASE_BYTES +
      (1 + FLOAT_BYTES) * nodes * nodes +
      FLOAT_BYTES *
        Math.max(
          Math.min(scores, scoresAtOnce) * SCORE_COPIES + LAYERS_ALIVE * ROWS_PER_LAYER * nodes * hidden,
          perceptron + 2 * Math.min(products, MAX_PRODUCT) + 2 * largestBlock,
        ) +
      (job.postprocess?.orthogonalize ? ORTHOGONAL_BYTES : NOISE_BYTES) * largestProcessed,
    work: {
      graph: LEAST_WORK + nodes * (nodes + hidden),
      encode: LEAST_WORK + family.encoderWork(nodes, ghn),
      decode:
        LEAST_WORK +
        32 * hidden * hidden * (nodes + places) +
        8 * hidden * (products + READ_WORK * outputs * inputs * Math.ceil(places / MAX_PLACES)),
      postprocess: processing,
      'hand over': LEAST_WORK + result,
    },
  };
}

/** The names of the weights that post-processing changes. Their results are whole, not blocks. */
function processedWeights({ architecture, postprocess }: PredictionJob): ReadonlySet<string> {
  const isIdle = !postprocess || (postprocess.noise === 0 && !postprocess.orthogonalize);
  return new Set(isIdle ? [] : touched(architecture, postprocess));
}
