import type { Activation } from '../engine.js';
import type { OnnxModel, OnnxNode } from './model.js';

/**
 * Largest number of attention scores that exist at once: for 5,000 nodes and 16 heads, all of them would take 1.6 GB.
 */
export const MAX_SCORES = 16 * 2 ** 20;

export const ACTIVATIONS: Record<Activation, string | null> = { none: null, relu: 'Relu', gelu: 'Gelu' };

/** activation(x weightᵀ + bias) */
export function linearModel(withBias: boolean, activation: Activation): OnnxModel {
  const op = ACTIVATIONS[activation];
  const inputs = withBias ? (['x', 'weight', 'bias'] as const) : (['x', 'weight'] as const);
  const nodes: OnnxNode[] = [
    { op: 'Gemm', inputs, outputs: [op ? 'linear' : 'y'], attributes: { transB: 1 } },
  ];
  if (op) nodes.push({ op, inputs: ['linear'], outputs: ['y'] });
  return {
    inputs: Object.fromEntries(inputs.map((name) => [name, 'float32'])),
    outputs: { y: 'float32' },
    nodes,
  };
}

export const ADD: OnnxModel = {
  inputs: { a: 'float32', b: 'float32' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['y'] }],
};

export const LAYER_NORM: OnnxModel = {
  inputs: { x: 'float32', gain: 'float32', bias: 'float32' },
  outputs: { y: 'float32' },
  nodes: [
    {
      op: 'LayerNormalization',
      inputs: ['x', 'gain', 'bias'],
      outputs: ['y'],
      attributes: { axis: -1, epsilon: { float: 1e-5 } },
    },
  ],
};

export const GELU: OnnxModel = {
  inputs: { x: 'float32' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Gelu', inputs: ['x'], outputs: ['y'] }],
};

export const IDENTITY: OnnxModel = {
  inputs: { x: 'float32' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
};

/** Rows `start` to `end` - 1 */
export const SLICE: OnnxModel = {
  inputs: { x: 'float32', start: 'int64', end: 'int64' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Slice', inputs: ['x', 'start', 'end'], outputs: ['y'] }],
};

export const RESHAPE: OnnxModel = {
  inputs: { x: 'float32', shape: 'int64' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] }],
};

/** Selects the rows that `row` lists. */
export const GATHER: OnnxModel = {
  inputs: { x: 'float32', row: 'int32' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Gather', inputs: ['x', 'row'], outputs: ['y'], attributes: { axis: 0 } }],
};

export function concatModel(count: number, axis: 0 | 1): OnnxModel {
  const names = Array.from({ length: count }, (_, index) => `x${index}`);
  return {
    inputs: Object.fromEntries(names.map((name) => [name, 'float32'])),
    outputs: { y: 'float32' },
    nodes: [{ op: 'Concat', inputs: names, outputs: ['y'], attributes: { axis } }],
  };
}

/** Like the linear model, but with the rows of `weight` that `row` lists. */
export function gatheredLinearModel(withBias: boolean, activation: Activation): OnnxModel {
  const { inputs, outputs, nodes } = linearModel(withBias, activation);
  const [{ op, attributes }] = GATHER.nodes;
  const gather: OnnxNode = { op, attributes, inputs: ['weight', 'row'], outputs: ['rows'] };
  return {
    inputs: { ...inputs, row: 'int32' },
    outputs,
    nodes: [
      gather,
      ...nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((name) => (name === 'weight' ? 'rows' : name)),
      })),
    ],
  };
}

/** Layer norm whose gain and bias are matrices of one row. */
export const LAYER_NORM_OF_ROWS: OnnxModel = {
  ...LAYER_NORM,
  constants: { flat: [-1] },
  nodes: [
    { op: 'Reshape', inputs: ['gain', 'flat'], outputs: ['flat_gain'] },
    { op: 'Reshape', inputs: ['bias', 'flat'], outputs: ['flat_bias'] },
    { ...LAYER_NORM.nodes[0], inputs: ['x', 'flat_gain', 'flat_bias'] },
  ],
};

/**
 * Builds a model that holds a weight, [rows, columns]. With w, the rows of the weight that `row` lists, it computes
 * max(floor, x wᵀ + bias), and also returns w. With a floor of 0 it is a ReLU; with -∞ the product stays as it is.
 */
export function heldWeightModel(rows: number, columns: number): OnnxModel {
  return {
    inputs: { x: 'float32', row: 'int32', bias: 'float32', floor: 'float32' },
    outputs: { y: 'float32', rows: 'float32' },
    weights: { weight: [rows, columns] },
    nodes: [
      { op: 'Gather', inputs: ['weight', 'row'], outputs: ['rows'], attributes: { axis: 0 } },
      { op: 'Gemm', inputs: ['x', 'rows', 'bias'], outputs: ['product'], attributes: { transB: 1 } },
      { op: 'Max', inputs: ['product', 'floor'], outputs: ['y'] },
    ],
  };
}

/** Builds the attention of some rows' queries over the keys and values of all rows. Both inputs are rows of qkv. */
export function attentionModel(heads: number, hidden: number): OnnxModel {
  const scale = Math.sqrt(heads / hidden);
  return {
    inputs: { queries: 'float32', qkv: 'float32', table: 'float32', row: 'int32' },
    outputs: { y: 'float32' },
    constants: { split: [0, 3, heads, hidden / heads], merged: [-1, hidden] },
    nodes: [
      { op: 'Reshape', inputs: ['queries', 'split'], outputs: ['own'] },
      { op: 'Transpose', inputs: ['own'], outputs: ['own_heads'], attributes: { perm: [1, 2, 0, 3] } },
      {
        op: 'Split',
        inputs: ['own_heads'],
        outputs: ['q', 'own_k', 'own_v'],
        attributes: { axis: 0, num_outputs: 3 },
      },
      { op: 'Reshape', inputs: ['qkv', 'split'], outputs: ['all'] },
      { op: 'Transpose', inputs: ['all'], outputs: ['all_heads'], attributes: { perm: [1, 2, 0, 3] } },
      {
        op: 'Split',
        inputs: ['all_heads'],
        outputs: ['all_q', 'k', 'v'],
        attributes: { axis: 0, num_outputs: 3 },
      },
      { op: 'Transpose', inputs: ['k'], outputs: ['k_t'], attributes: { perm: [0, 1, 3, 2] } },
      { op: 'MatMul', inputs: ['q', 'k_t'], outputs: ['product'] },
      { op: 'Constant', inputs: [], outputs: ['scale'], attributes: { value_float: { float: scale } } },
      { op: 'Mul', inputs: ['product', 'scale'], outputs: ['scaled'] },
      { op: 'Transpose', inputs: ['table'], outputs: ['table_t'], attributes: { perm: [1, 0] } },
      { op: 'Gather', inputs: ['table_t', 'row'], outputs: ['bias'], attributes: { axis: 1 } },
      { op: 'Add', inputs: ['scaled', 'bias'], outputs: ['score'] },
      { op: 'Softmax', inputs: ['score'], outputs: ['weights'], attributes: { axis: -1 } },
      { op: 'MatMul', inputs: ['weights', 'v'], outputs: ['heads'] },
      { op: 'Transpose', inputs: ['heads'], outputs: ['side_by_side'], attributes: { perm: [0, 2, 1, 3] } },
      { op: 'Reshape', inputs: ['side_by_side', 'merged'], outputs: ['y'] },
    ],
  };
}
