import { conv2d, squeezeExcitation } from './convolution.js';
import type { LayerKind } from './layer.js';
import { batchNorm2d, layerNorm, layerNorm2d } from './norm.js';
import { gelu, relu, silu } from './pointwise.js';
import { adaptiveAvgPool2d, avgPool2d, maxPool2d } from './pool.js';
import { add, concat, flatten, linear } from './shape.js';

/** The layers that the demo can run, of the many that the service can predict. */
export const LAYER_KINDS: readonly [LayerKind, ...LayerKind[]] = [
  conv2d,
  linear,
  batchNorm2d,
  layerNorm,
  layerNorm2d,
  relu,
  gelu,
  silu,
  maxPool2d,
  avgPool2d,
  adaptiveAvgPool2d,
  flatten,
  add,
  concat,
  squeezeExcitation,
];
