import type { KerasLayer } from '../layer.js';
import { attentions, dot, multiHeadAttention } from './attention.js';
import { categories } from './categories.js';
import { convolutions } from './convolution.js';
import { dense } from './dense.js';
import { concatenate, extremes, multiply, sums } from './join.js';
import { norms } from './norm.js';
import { pointwise } from './pointwise.js';
import { poolings } from './pool.js';
import { reshapes } from './reshape.js';

/** The supported layers, by class. */
export const KERAS_LAYERS: ReadonlyMap<string, KerasLayer> = new Map(
  [
    ...convolutions,
    dense,
    ...norms,
    ...poolings,
    ...reshapes,
    ...categories,
    ...pointwise,
    sums,
    concatenate,
    multiply,
    extremes,
    dot,
    multiHeadAttention,
    attentions,
  ].flatMap((layer) => layer.classes.map((name): [string, KerasLayer] => [name, layer])),
);
