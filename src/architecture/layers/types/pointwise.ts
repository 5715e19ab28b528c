import { z } from 'zod';
import { flag, number, positive } from '../arguments.js';
import { layerSchema, layerType } from '../layer-type.js';

/** Layers that are not nodes and do not change sizes. The layer before is connected to the layer after. */
const WITHOUT_NODE = {
  ReLU: { inplace: flag.optional() },
  ReLU6: { inplace: flag.optional() },
  LeakyReLU: { negative_slope: number.optional(), inplace: flag.optional() },
  ELU: { alpha: number.optional(), inplace: flag.optional() },
  CELU: { alpha: number.optional(), inplace: flag.optional() },
  SELU: { inplace: flag.optional() },
  GELU: { approximate: z.enum(['none', 'tanh']).optional() },
  SiLU: { inplace: flag.optional() },
  Mish: { inplace: flag.optional() },
  Hardswish: { inplace: flag.optional() },
  Hardsigmoid: { inplace: flag.optional() },
  Hardtanh: { min_val: number.optional(), max_val: number.optional(), inplace: flag.optional() },
  Sigmoid: {},
  Tanh: {},
  Softplus: { beta: number.optional(), threshold: number.optional() },
  Softmax: { dim: z.int().nullable().optional() },
  LogSoftmax: { dim: z.int().nullable().optional() },
  Dropout: { p: number.optional(), inplace: flag.optional() },
  Dropout1d: { p: number.optional(), inplace: flag.optional() },
  Dropout2d: { p: number.optional(), inplace: flag.optional() },
  AlphaDropout: { p: number.optional(), inplace: flag.optional() },
  StochasticDepth: { p: number.optional(), mode: z.enum(['batch', 'row']).optional() },
  Identity: {},
} as const;

export const pointwise = Object.entries(WITHOUT_NODE).map(([type, args]) =>
  layerType(layerSchema(type, args), (_, { input }) => ({ node: input.node, size: input.size })),
);

const preluSchema = layerSchema('PReLU', { num_parameters: positive.default(1), init: number.optional() });

/** The slopes of a PReLU are parameters that no node owns, so they are not predicted. */
export const prelu = layerType(preluSchema, (layer, { input, network }) => {
  network.addTensor({ name: `${layer.name}.weight`, shape: [layer.num_parameters] }, 'parameter');
  return { node: input.node, size: input.size };
});
