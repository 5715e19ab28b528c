import { describe, expect, it } from 'vitest';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { type Identity, predictionId } from '../../src/predictions/identity.js';
import { LIMITS, tinyGraph } from '../architecture/fixtures.js';

const identity = (changes: Partial<Identity> = {}): Identity => ({
  libraries: ['onnxruntime 1.30 cpu'],
  numerics: 1,
  ghn: { digest: 'sha256:0', config: { hidden: 32 } },
  architecture: parseArchitecture(tinyGraph(), LIMITS),
  options: {
    predict_classifier: true,
    unsupported: 'refuse',
    postprocess: null,
    seed: 0,
    dtype: 'F32',
    format: 'safetensors',
    ghn: null,
  },
  ...changes,
});

const options = (changes: Identity['options']) =>
  identity({ options: { ...identity().options, ...changes } });

const postprocess = { noise: 3e-5, orthogonalize: true, from_layer: 0, min_channels: 0, seed: 0 };

const renamed = (change: (graph: ReturnType<typeof tinyGraph>) => void) => {
  const graph = tinyGraph();
  change(graph);
  return identity({ architecture: parseArchitecture(graph, LIMITS) });
};

describe('a prediction’s id', () => {
  it('is 32 hexadecimal digits, the same for the same request', () => {
    expect(predictionId(identity())).toMatch(/^[0-9a-f]{32}$/);
    expect(predictionId(identity())).toBe(predictionId(identity()));
  });

  it('differs if a byte of the answer could differ', () => {
    const others = [
      identity(),
      identity({ libraries: ['onnxruntime 1.31 cpu'] }),
      identity({ libraries: ['onnxruntime 1.30 cpu', 'TypeScript'] }),
      identity({ numerics: 2 }),
      identity({ ghn: { digest: 'sha256:1', config: { hidden: 32 } } }),
      identity({ ghn: { digest: 'sha256:0', config: { hidden: 32, normalize: 'std' } } }),
      options({ ghn: 'mine' }),
      options({ ghn: 'yours' }),
      options({ predict_classifier: false }),
      options({ unsupported: 'skip' }),
      options({ seed: 1 }),
      options({ dtype: 'F16' }),
      options({ dtype: 'BF16' }),
      options({ format: 'tiled' }),
      options({ format: 'npz' }),
      ...Object.entries({ noise: 1e-5, orthogonalize: false, from_layer: 2, min_channels: 3, seed: 9 }).map(
        ([key, value]) => options({ postprocess: { ...postprocess, [key]: value } }),
      ),
      options({ postprocess }),
      renamed((graph) => (graph.name = 'other')),
      renamed((graph) => (graph.nodes[1]!.weight!.name = 'first.weight')),
      renamed((graph) => (graph.nodes[1]!.weight!.shape = [16, 3, 5, 5])),
      renamed((graph) => graph.edges.push(['conv1', 'gap'])),
      renamed((graph) => (graph.nodes[3]!.kernel = [3, 3])),
    ];
    expect(new Set(others.map(predictionId)).size).toBe(others.length);
  });

  it('does not depend on the form of the request', () => {
    const graph = tinyGraph();
    const reordered = {
      edges: [...graph.edges].reverse(),
      nodes: [...graph.nodes].reverse(),
      name: graph.name,
    };
    const architecture = parseArchitecture(reordered, LIMITS);
    expect(predictionId(identity({ architecture }))).toBe(predictionId(identity()));
    const backwards = Object.fromEntries(Object.entries(postprocess).reverse()) as typeof postprocess;
    expect(predictionId(options({ postprocess: backwards }))).toBe(predictionId(options({ postprocess })));
  });
});
