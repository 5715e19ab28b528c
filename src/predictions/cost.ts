import { predictedTensors } from '../architecture/tensors.js';
import type { EngineLimits } from '../engine/engine.js';
import type { GhnConfig } from '../ghn/checkpoint.js';
import { MAX_PLACES, MAX_PRODUCT } from '../ghn/decoder/kernel-decoder.js';
import { familyOf } from '../ghn/families/index.js';
import { touched } from '../postprocess/touched.js';
import type { PredictionJob, Stage } from '../predictor/protocol.js';
import { elements } from '../tensor/tensor.js';

/** The parts of a prediction's time: the stages, and handing over the result. */
export type Part = Stage | 'hand over';

/** The predicted cost of a prediction, from its architecture and options. */
export interface PredictionCost {
  /** Bytes of what is made: the blocks of its tensors, and the whole of those that are post-processed. */
  readonly resultBytes: number;
  /** Bytes that its architecture takes up here, as text, until it is stored; small ones count for nothing. */
  readonly requestBytes: number;
  /** Bytes that the engine takes besides, at most, while it makes it. */
  readonly workBytes: number;
  /** Work by part; how long a unit takes, the machine decides. */
  readonly work: Readonly<Record<Part, number>>;
}

const FLOAT_BYTES = 4;

/**
 * Memory that any prediction takes: code that runs for the first time, memory that allocators keep, and results that
 * wait for garbage collection.
 */
const BASE_BYTES = 64 * 2 ** 20;

/** Copies of the scores of one chunk of an attention that the engine holds while they become weights. */
const SCORE_COPIES = 5;

/** Rows of a node's state that a layer of the encoder makes, and how many layers' are left uncollected. */
const ROWS_PER_LAYER = 14;
const LAYERS_ALIVE = 2;

/** Bytes for each number of the weight that is post-processed: it and its transpose; in float64 as well to make it orthogonal. */
const NOISE_BYTES = 8;
const ORTHOGONAL_BYTES = 28;

/** Work of a stage that has next to nothing to do. */
const LEAST_WORK = 1e6;

/** Reading a weight takes as long as so many multiplications. */
const READ_WORK = 10;

/** Drawing a normal number likewise. */
const NOISE_WORK = 100;

/** The cost of a prediction by a GHN of those sizes on an engine with those limits. */
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

/** The names of the weights that will be whole. */
function processedWeights({ architecture, postprocess }: PredictionJob): ReadonlySet<string> {
  const isIdle = !postprocess || (postprocess.noise === 0 && !postprocess.orthogonalize);
  return new Set(isIdle ? [] : touched(architecture, postprocess));
}
