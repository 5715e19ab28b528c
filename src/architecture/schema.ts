import { z } from 'zod';
import { OPS } from './architecture.js';
import { type FaultList, quote } from './faults.js';
import { type Aliases, didYouMean } from './nearest.js';

/** Three times the length of the longest names in PyTorch and Keras. */
const MAX_NAME_LENGTH = 512;
/** Maximum number of dimensions of a tensor in PyTorch and NumPy. */
const MAX_RANK = 64;
/** The key that a safetensors file's header reserves for its metadata: no tensor can have it. */
const RESERVED_NAME = '__metadata__';

/** Control characters and halves of surrogate pairs are not valid in a file's header. */
const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;
/**
 * The same for tools that read the OpenAPI document, since few of them know \p. Valid JSON has no halves of surrogate
 * pairs.
 */
const PRINTABLE_ANYWHERE = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$';

/** A name or an id: 1 to 512 characters without control characters. */
export const nameSchema = z
  .string()
  .min(1, 'a name has at least one character')
  .max(MAX_NAME_LENGTH, `a name has at most ${MAX_NAME_LENGTH} characters`)
  .regex(PRINTABLE, 'a name is well-formed Unicode without control characters')
  .meta({ pattern: PRINTABLE_ANYWHERE });

/** The name of a tensor, or of a layer, since the names of a layer's tensors begin with it. */
export const tensorNameSchema = nameSchema.refine((name) => name !== RESERVED_NAME, {
  error: `a tensor cannot be called ${RESERVED_NAME}, which safetensors files use for themselves`,
});

/** Adds a fault if the name of a layer's tensor, which begins with the layer's name, is too long. */
export function checkNameLength(
  name: string,
  label: string,
  path: readonly PropertyKey[],
  faults: FaultList,
): void {
  if (name.length <= MAX_NAME_LENGTH) return;
  const message = `a tensor of ${label} would have a name of ${name.length} characters; give the layer a shorter one`;
  faults.add(path, `${message}: names have at most ${MAX_NAME_LENGTH}`);
}

/** Names that other tools use for the keys of requests. */
const KEY_ALIASES: Aliases = {
  arch: 'architecture',
  model: 'architecture',
  network: 'architecture',
  net: 'architecture',
  module: 'architecture',
  classes: 'num_classes',
  hypernetwork: 'ghn',
  precision: 'dtype',
  skip: 'unsupported',
};

const UNKNOWN_KEY = 'unknown key; ';
const HAS = ' has ';

/** An object whose error for an unknown key lists the known keys. */
export function strictObject<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `${UNKNOWN_KEY}${what}${HAS}${known.join(', ')}` : undefined,
  });
}

/** The message of strictObject, with a hint for this key. zod gives one message for all unknown keys of an object. */
export function unknownKeyMessage(key: string, message: string): string {
  const isKnown = message.startsWith(UNKNOWN_KEY) && message.includes(HAS);
  const has = isKnown ? message.slice(UNKNOWN_KEY.length) : '';
  const known = isKnown ? message.slice(message.lastIndexOf(HAS) + HAS.length) : '';
  const keys = known.split(', ');
  const aliases = Object.entries(KEY_ALIASES).filter(([, name]) => keys.includes(name));
  const hint = known === '' ? '' : didYouMean(key, keys, Object.fromEntries(aliases));
  return hint === '' ? message : `unknown key${hint} (${has})`;
}

/**
 * An array of at most `max` entries. Checks at most one entry too many, so that a shape with a million wrong entries is
 * one fault, not a million.
 */
export function shortArray<Item extends z.ZodType>(item: Item, min: number, max: number, error: string) {
  const cut = (value: unknown) =>
    Array.isArray(value) && value.length > max ? value.slice(0, max + 1) : value;
  return z.preprocess(cut, z.array(item, error).min(min, error).max(max, error));
}

const positive = z.int('must be a positive integer').min(1, 'must be a positive integer');

const shapeSchema = shortArray(positive, 1, 4, 'a shape is an array of 1 to 4 positive integers').meta({
  description: 'The tensor’s shape in PyTorch',
  example: [16, 3, 3, 3],
});

/** The shape of a tensor that no GHN predicts. */
function anyShape(least: 0 | 1) {
  const message = `must be an integer of ${least} or more`;
  return shortArray(
    z.int(message).min(least, message),
    0,
    MAX_RANK,
    `a shape is an array of at most ${MAX_RANK} integers`,
  );
}

export const tensorSchema = strictObject('a tensor', {
  name: tensorNameSchema.meta({ description: 'The tensor’s name in the answer', example: 'conv1.weight' }),
  shape: shapeSchema,
}).meta({ id: 'Tensor', description: 'A tensor that a node owns' });

/** Names of the operations in frameworks. */
const OP_ALIASES: Aliases = {
  linear: 'conv',
  dense: 'conv',
  fc: 'conv',
  gemm: 'conv',
  conv2d: 'conv',
  depthwiseconv: 'sep_conv',
  depthwiseconv2d: 'sep_conv',
  groupedconv: 'sep_conv',
  batchnorm: 'bn',
  batchnorm2d: 'bn',
  batchnormalization: 'bn',
  layernorm: 'ln',
  layernormalization: 'ln',
  add: 'sum',
  plus: 'sum',
  cat: 'concat',
  concatenate: 'concat',
  attention: 'msa',
  selfattention: 'msa',
  multiheadattention: 'msa',
  gap: 'glob_avg',
  globalavgpool: 'glob_avg',
  globalaveragepool: 'glob_avg',
  globalaveragepooling2d: 'glob_avg',
  adaptiveavgpool2d: 'glob_avg',
  mean: 'glob_avg',
  squeezeexcitation: 'cse',
  se: 'cse',
  posembed: 'pos_enc',
  positionembedding: 'pos_enc',
  addbias: 'bias',
  placeholder: 'input',
  groupnorm: 'other',
  instancenorm: 'other',
  rmsnorm: 'other',
  embedding: 'other',
  convtranspose: 'other',
  convtranspose2d: 'other',
  conv1d: 'other',
  conv3d: 'other',
  rnn: 'other',
  lstm: 'other',
  gru: 'other',
};

/** Operations that have no weights and are not nodes. */
const NO_NODES =
  /^(?:relu6?|leakyrelu|prelu|gelu|silu|swish|elu|selu|mish|sigmoid|tanh|hardswish|hardsigmoid|activation|dropout\d?d?|identity|flatten|reshape|view|permute|transpose|mul|multiply)$/;

function opHint(given: string): string {
  return NO_NODES.test(given.toLowerCase().replaceAll(/[\s_.-]/g, ''))
    ? '; that is not a node: leave it out, and connect its inputs to its outputs'
    : didYouMean(given, OPS, OP_ALIASES);
}

const opSchema = z
  .enum(OPS, {
    error: (issue) => {
      const hint = typeof issue.input === 'string' ? opHint(issue.input) : '';
      const given = issue.input === undefined ? 'the op is missing' : `unknown op ${quote(issue.input)}`;
      return `${given}${hint} (the ops are ${OPS.join(', ')}, and other for what a GHN cannot predict)`;
    },
  })
  .meta({ description: 'The operation', example: 'conv' });

export const nodeSchema = strictObject('a node', {
  id: nameSchema.meta({ description: 'Unique among the nodes', example: 'conv1' }),
  op: opSchema,
  weight: tensorSchema.optional(),
  bias: tensorSchema.optional(),
  kernel: z
    .tuple([positive, positive], 'a kernel is [height, width]')
    .optional()
    .meta({ description: 'Kernel of a pool: [height, width]. Default: [3, 3]', example: [2, 2] }),
  classifier: z.boolean().optional().meta({
    description:
      'Whether this tensor is the weight or the bias of the head. If no node has this field, the service decides: if the last node is a bias directly after a conv that could be the head, these two are the head; otherwise, if the last node is a conv with two dimensions, it is the head; otherwise there is none.',
  }),
}).meta({ id: 'Node', description: 'One operation of a network, with the tensors that it owns' });

/** A layer or node for which a GHN has no operation. The GHN's graph omits it, and its tensors keep their values. */
export const otherNodeSchema = strictObject('a node of op other', {
  id: nameSchema.meta({ description: 'Unique among the nodes', example: 'gn1' }),
  op: z.literal('other').meta({ description: 'Accepted only with `"unsupported": "skip"`' }),
  tensors: z
    .array(strictObject('a tensor', { name: tensorNameSchema, shape: anyShape(1) }))
    .optional()
    .meta({ description: 'Tensors that the operation owns. They are not predicted' }),
}).meta({
  id: 'OtherNode',
  description:
    'An operation that no GHN has. If the request allows it, it is left out, and its inputs are connected to its outputs',
});

export const edgeSchema = z
  .tuple([nameSchema, nameSchema], 'an edge is a pair of ids, [from, to]')
  .meta({ id: 'Edge', description: 'Two node ids: from, to', example: ['input', 'conv1'] });

export const stateDictEntrySchema = strictObject('an entry of the state dict', {
  name: tensorNameSchema,
  shape: anyShape(0),
  kind: z.enum(['parameter', 'buffer'], 'must be "parameter" or "buffer"'),
}).meta({ id: 'StateDictEntry', description: 'A tensor of the network, predicted or not' });

/** The example graph in the documentation and the tests: a convolution, a norm, a pool and a classifier. */
export const EXAMPLE_GRAPH = {
  name: 'tiny',
  nodes: [
    { id: 'input', op: 'input' },
    { id: 'conv1', op: 'conv', weight: { name: 'conv1.weight', shape: [16, 3, 3, 3] } },
    {
      id: 'bn1',
      op: 'bn',
      weight: { name: 'bn1.weight', shape: [16] },
      bias: { name: 'bn1.bias', shape: [16] },
    },
    { id: 'pool', op: 'max_pool', kernel: [2, 2] },
    { id: 'gap', op: 'glob_avg' },
    { id: 'fc', op: 'conv', weight: { name: 'fc.weight', shape: [10, 16] }, classifier: true },
    { id: 'fc.bias', op: 'bias', bias: { name: 'fc.bias', shape: [10] }, classifier: true },
  ],
  edges: [
    ['input', 'conv1'],
    ['conv1', 'bn1'],
    ['bn1', 'pool'],
    ['pool', 'gap'],
    ['gap', 'fc'],
    ['fc', 'fc.bias'],
  ],
} satisfies { name: string; nodes: z.input<typeof nodeSchema>[]; edges: z.input<typeof edgeSchema>[] };

export const graphSchema = strictObject('a graph', {
  name: nameSchema.meta({ description: 'The network’s name', example: 'tiny' }),
  nodes: z.array(nodeSchema).meta({
    description:
      'The operations, one of which is `input`. Give them in topological order if you can; otherwise the service sorts them, with a stable sort and the input first.',
  }),
  edges: z.array(edgeSchema).meta({
    description: 'Pairs of nodes: the output of the first goes to the second. A repeated pair counts once',
  }),
  state_dict: z.array(stateDictEntrySchema).optional().meta({
    description:
      'All tensors of the network in its own order. The answer has its tensors in the same order. The list must contain every tensor of the nodes, with the same shape.',
  }),
}).meta({
  id: 'Graph',
  description: 'A network as the graph of its operations',
  example: EXAMPLE_GRAPH,
});

/** A graph in a request. It can have `other` nodes, which answers never have. */
export const givenGraphSchema = graphSchema
  .extend({
    nodes: z.array(z.union([nodeSchema, otherNodeSchema])).meta({
      description:
        'The operations, one of which is `input`. Give them in topological order if you can; otherwise the service sorts them, with a stable sort and the input first.',
    }),
  })
  .meta({ ...graphSchema.meta(), id: 'RequestedGraph', title: 'Graph' });

export type Graph = z.infer<typeof graphSchema>;
export type GraphNode = z.infer<typeof nodeSchema>;
export type OtherNode = z.infer<typeof otherNodeSchema>;
export type GraphTensor = z.infer<typeof tensorSchema>;
export type GraphEdge = z.infer<typeof edgeSchema>;
export type GraphStateDictEntry = z.infer<typeof stateDictEntrySchema>;
