import fc from 'fast-check';
import type { Architecture } from '../../src/architecture/architecture.js';
import { buildArchitecture } from '../../src/architecture/graph.js';
import type { Graph, GraphNode } from '../../src/architecture/schema.js';
import { LIMITS } from '../architecture/fixtures.js';

/** A node without its id and the names of its tensors. */
type Form = Omit<GraphNode, 'id' | 'weight' | 'bias'> & {
  readonly weight?: readonly number[];
  readonly bias?: readonly number[];
};

// Sizes equal to, close to and beyond those of the nano GHNs: 32 channels, a plane of 11 × 11, 10 classes.
const channels = fc.constantFrom(1, 2, 3, 5, 8, 31, 32, 33, 40, 70);
const kernel = fc.constantFrom(1, 1, 2, 3, 4, 5, 7, 10, 11, 12, 14);
const tokens = fc.constantFrom(1, 2, 4, 5, 9, 12, 17, 50);

const forms: fc.Arbitrary<Form> = fc.oneof(
  fc.record({ op: fc.constant('conv' as const), weight: fc.tuple(channels, channels, kernel, kernel) }),
  fc.record({ op: fc.constant('conv' as const), weight: fc.tuple(channels, channels) }),
  fc.record({
    op: fc.constantFrom('sep_conv' as const, 'dil_conv' as const),
    weight: fc.tuple(channels, fc.constantFrom(1, 1, 2, 4), kernel, kernel),
  }),
  fc.record({ op: fc.constant('bias' as const), bias: fc.tuple(channels) }),
  fc
    .tuple(fc.constantFrom('bn' as const, 'ln' as const), channels, fc.constantFrom('both', 'weight', 'bias'))
    .map(([op, size, which]) => ({
      op,
      ...(which !== 'bias' && { weight: [size] }),
      ...(which !== 'weight' && { bias: [size] }),
    })),
  fc.record({ op: fc.constant('pos_enc' as const), weight: fc.tuple(fc.constant(1), tokens, channels) }),
  fc.record({ op: fc.constant('pos_enc' as const), weight: fc.tuple(tokens, channels) }),
  fc.record({
    op: fc.constant('pos_enc' as const),
    weight: fc.tuple(fc.constant(1), channels, kernel, kernel),
  }),
  fc.record({
    op: fc.constantFrom('max_pool' as const, 'avg_pool' as const),
    kernel: fc.tuple(kernel, kernel),
  }),
  fc.record({
    op: fc.constantFrom(
      'msa' as const,
      'cse' as const,
      'sum' as const,
      'concat' as const,
      'glob_avg' as const,
    ),
  }),
);

/** Heads with fewer or more classes than the GHN's, as a Linear or a 1×1 kernel, with or without a bias. */
const heads: fc.Arbitrary<Form[]> = fc
  .tuple(fc.constantFrom(2, 10, 25), channels, fc.boolean(), fc.boolean())
  .map(([classes, inputs, isKernel, hasBias]) => [
    {
      op: 'conv' as const,
      weight: isKernel ? [classes, inputs, 1, 1] : [classes, inputs],
      classifier: true,
    },
    ...(hasBias ? [{ op: 'bias' as const, bias: [classes], classifier: true }] : []),
  ]);

/** Random networks of a few nodes of any kind, connected arbitrarily. */
export const randomArchitecture: fc.Arbitrary<Architecture> = fc
  .tuple(
    fc.array(forms, { minLength: 1, maxLength: 7 }),
    fc.oneof(heads, fc.constant<Form[]>([])),
    fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 14 }),
  )
  .map(([body, head, pairs]) => {
    const nodes: GraphNode[] = [...body, ...head].map(({ weight, bias, ...form }, index) => ({
      ...form,
      id: `n${index}`,
      classifier: form.classifier ?? false,
      ...(weight && { weight: { name: `n${index}.weight`, shape: [...weight] } }),
      ...(bias && { bias: { name: `n${index}.bias`, shape: [...bias] } }),
    }));
    const graph: Graph = {
      name: 'random',
      nodes: [{ id: 'input', op: 'input' }, ...nodes],
      edges: [['input', 'n0']],
    };
    for (const [a, b] of pairs) {
      const [from, to] = [Math.min(a, b), Math.max(a, b)].map((index) => index % (nodes.length + 1));
      if (from < to) graph.edges.push([graph.nodes[from]!.id, graph.nodes[to]!.id]);
    }
    return buildArchitecture(graph, LIMITS);
  });
