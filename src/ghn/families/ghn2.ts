import { MAX_HOPS } from '../../architecture/distances.js';
import type { Matrix } from '../../engine/engine.js';
import { cornerWindow } from '../decoder/window.js';
import { encodeGated, type GatedWeights } from '../gated-encoder.js';
import type { Loader } from '../loader.js';
import type { Family } from './family.js';
import { inferKernelDecoder, kernelSize, layOutKernelDecoder, loadKernelDecoder } from './kernel.js';

/** GHN-2 (Knyazev et al., 2021): a gated graph network, one pass forward and one backward. */
export const GHN2 = {
  name: 'ghn2',
  title: 'GHN-2',
  options: {},
  recognises: (tensors) => [...tensors.keys()].some((name) => name.startsWith('gnn.gru.')),
  isUnused: () => false,
  infer(facts, hidden) {
    const { hypernet, is_ghn2 } = facts.declared;
    if (hypernet !== undefined && hypernet !== 'gatedgnn') {
      facts.fault(
        `the config says hypernet = ${JSON.stringify(hypernet)}, only "gatedgnn" is supported for a GHN-2`,
      );
    }
    if (is_ghn2 === false) facts.fault("the config says is_ghn2 = false, the tensors are a GHN-2's");
    return { layers: 1, heads: 0, ...inferKernelDecoder(facts, hidden), maxHops: MAX_HOPS };
  },
  layOut(layout, config) {
    const { hidden: d } = config;
    for (const name of ['gnn.mlp', 'gnn.mlp_ve']) {
      layout.linear(`${name}.fc.0`, d / 2, d);
      layout.linear(`${name}.fc.2`, d, d / 2);
    }
    for (const side of ['ih', 'hh']) {
      layout.tensor(`gnn.gru.weight_${side}`, 3 * d, d);
      layout.tensor(`gnn.gru.bias_${side}`, 3 * d);
    }
    layOutKernelDecoder(layout, config);
  },
  hasCentrality: false,
  async loadEncoder(loader, { hidden }) {
    const gated = loadGated(loader);
    return async (input, distances, nodes) =>
      loader.engine.input(encodeGated(input, distances, nodes, gated), nodes, hidden);
  },
  loadDecoder: (loader, config) => loadKernelDecoder(loader, config, cornerWindow),
  repeatsClasses: true,
  refusal: () => null,
  encoderWork: (nodes, { hidden }) => 2 * nodes * hidden * (nodes + 30 * hidden),
  decodedSize: kernelSize,
} as const satisfies Family;

function loadGated<M extends Matrix>(loader: Loader<M>): GatedWeights {
  const perceptron = (name: string) =>
    [
      loader.hostLinear(`${name}.fc.0.weight`, `${name}.fc.0.bias`),
      loader.hostLinear(`${name}.fc.2.weight`, `${name}.fc.2.bias`),
    ] as const;
  return {
    gruInput: loader.hostLinear('gnn.gru.weight_ih', 'gnn.gru.bias_ih'),
    gruHidden: loader.hostLinear('gnn.gru.weight_hh', 'gnn.gru.bias_hh'),
    near: perceptron('gnn.mlp'),
    far: perceptron('gnn.mlp_ve'),
  };
}
