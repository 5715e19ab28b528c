import type { LayerType } from '../layer-type.js';
import { classToken, multiheadAttention, positionEmbedding } from './attention.js';
import { conv2d } from './convolution.js';
import { add, concat } from './join.js';
import { linear } from './linear.js';
import { mean } from './mean.js';
import { batchNorm1d, batchNorm2d, layerNorm, layerNorm2d } from './norm.js';
import { pointwise, prelu } from './pointwise.js';
import { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool2d, maxPool2d } from './pool.js';
import { flatten, permute, select } from './reshape.js';
import { squeezeExcitation } from './squeeze-excitation.js';
import { upsample } from './upsample.js';

export const LAYER_TYPES: readonly LayerType[] = [
  conv2d,
  linear,
  batchNorm1d,
  batchNorm2d,
  layerNorm,
  layerNorm2d,
  maxPool2d,
  avgPool2d,
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  ...pointwise,
  prelu,
  flatten,
  permute,
  select,
  mean,
  upsample,
  add,
  concat,
  multiheadAttention,
  squeezeExcitation,
  classToken,
  positionEmbedding,
];
