import type { Op } from './architecture.js';
import type { FaultList } from './faults.js';
import type { GraphNode, GraphTensor, OtherNode } from './schema.js';

/** The shapes that a tensor may have. */
interface Form {
  readonly text: string;
  readonly fits: (shape: readonly number[]) => boolean;
}

const VECTOR: Form = { text: '[c]', fits: (shape) => shape.length === 1 };
const KERNEL: Form = { text: '[o, i, kh, kw]', fits: (shape) => shape.length === 4 };
const MATRIX_OR_KERNEL: Form = {
  text: '[o, i] or [o, i, kh, kw]',
  fits: (shape) => shape.length === 2 || shape.length === 4,
};
const POSITIONS: Form = {
  text: '[1, L, E], [L, E] or [1, E, h, w]',
  fits: (shape) => shape.length === 2 || (shape.length > 2 && shape[0] === 1),
};

/** The tensors that a node of an operation owns, and whether each is required. */
interface Rule {
  readonly weight?: Form;
  readonly bias?: Form;
  readonly optional?: true;
  readonly kernel?: true;
}

const NOTHING: Rule = {};
const NORM: Rule = { weight: VECTOR, bias: VECTOR, optional: true };

const RULES: Readonly<Record<Op, Rule>> = {
  max_pool: { kernel: true },
  avg_pool: { kernel: true },
  sep_conv: { weight: KERNEL },
  dil_conv: { weight: KERNEL },
  conv: { weight: MATRIX_OR_KERNEL },
  msa: NOTHING,
  cse: NOTHING,
  sum: NOTHING,
  concat: NOTHING,
  input: NOTHING,
  bias: { bias: VECTOR },
  bn: NORM,
  ln: NORM,
  pos_enc: { weight: POSITIONS },
  glob_avg: NOTHING,
};

/**
 * Adds a fault for each tensor or kernel that the node's operation does not have, and for each that it needs and lacks.
 */
export function checkNode(node: GraphNode, path: readonly PropertyKey[], faults: FaultList): void {
  const rule = RULES[node.op];
  for (const role of ['weight', 'bias'] as const) {
    checkTensor(node, role, rule, path, faults);
  }
  const { weight, bias, kernel } = node;
  if (rule.optional && weight && bias && weight.shape[0] !== bias.shape[0]) {
    faults.add(
      [...path, 'bias', 'shape'],
      `the bias of ${label(node)} has shape ${shapeText(bias)}, its weight ${shapeText(weight)}: they must be the same`,
    );
  }
  if (kernel && !rule.kernel) {
    faults.add([...path, 'kernel'], `${label(node)} has no kernel; only max_pool and avg_pool have one`);
  }
  if (node.classifier && node.op !== 'bias' && !couldBeClassifier(node)) {
    const expected = 'only a conv of shape [o, i] or [o, i, 1, 1], or its bias, can be the classifier';
    faults.add([...path, 'classifier'], `${label(node)} cannot be the classifier: ${expected}`);
  }
}

/** Returns true if a node can be the weight of the network's head. */
export function couldBeClassifier(
  node: Pick<GraphNode, 'op'> & { weight?: { readonly shape: readonly number[] } },
): boolean {
  const [, , height = 1, width = 1] = node.weight?.shape ?? [];
  return node.op === 'conv' && height === 1 && width === 1;
}

function checkTensor(
  node: GraphNode,
  role: 'weight' | 'bias',
  rule: Rule,
  path: readonly PropertyKey[],
  faults: FaultList,
): void {
  const form = rule[role];
  const tensor = node[role];
  if (tensor && !form) {
    const owned = rule.weight ? 'only a weight' : rule.bias ? 'only a bias' : 'no tensors';
    const remedy = role === 'bias' && rule.weight ? '; a bias is a node of its own, of op bias' : '';
    faults.add([...path, role], `${label(node)} owns ${owned}, so it cannot have a ${role}${remedy}`);
  } else if (!tensor && form && !rule.optional) {
    faults.add([...path, role], `${label(node)} needs a ${role} of shape ${form.text}`);
  } else if (tensor && form && !form.fits(tensor.shape)) {
    const found = `the ${role} of ${label(node)} has shape ${shapeText(tensor)}`;
    faults.add([...path, role, 'shape'], `${found}; expected ${form.text}`);
  }
}

/** A node's name in messages. */
export function label(node: Pick<GraphNode | OtherNode, 'id' | 'op'>): string {
  return `${node.op} "${node.id}"`;
}

function shapeText(tensor: GraphTensor): string {
  return `[${tensor.shape.join(', ')}]`;
}
