import { buildArchitecture } from '../architecture/graph.js';
import type { PredictionJob } from './protocol.js';

/** A network with one tensor of each kind that a decoder knows. */
const NETWORK = buildArchitecture(
  {
    name: 'warm-up',
    nodes: [
      { id: 'input', op: 'input' },
      { id: 'conv', op: 'conv', weight: { name: 'conv.weight', shape: [4, 3, 3, 3] } },
      {
        id: 'bn',
        op: 'bn',
        weight: { name: 'bn.weight', shape: [4] },
        bias: { name: 'bn.bias', shape: [4] },
      },
      { id: 'position', op: 'pos_enc', weight: { name: 'position.weight', shape: [1, 5, 4] } },
      { id: 'head', op: 'conv', weight: { name: 'head.weight', shape: [10, 4] }, classifier: true },
      { id: 'head.bias', op: 'bias', bias: { name: 'head.bias', shape: [10] }, classifier: true },
    ],
    edges: [
      ['input', 'conv'],
      ['conv', 'bn'],
      ['bn', 'position'],
      ['position', 'head'],
      ['head', 'head.bias'],
    ],
  },
  { maxNodes: 10, maxParameters: 1000 },
);

/** The prediction that a process makes before it accepts jobs: an engine does much work at its first use. */
export const WARM_UP: Omit<PredictionJob, 'ghn'> = {
  architecture: NETWORK,
  predictClassifier: true,
  seed: 0,
  dtype: 'F32',
  postprocess: { noise: 1e-5, orthogonalize: true, fromLayer: 0, minChannels: 0, seed: 0 },
};
