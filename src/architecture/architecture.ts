/** The operations of a GHN's graphs, in the order of its embedding's rows (docs/ghn.md, section 1). */
export const OPS = [
  'max_pool',
  'avg_pool',
  'sep_conv',
  'dil_conv',
  'conv',
  'msa',
  'cse',
  'sum',
  'concat',
  'input',
  'bias',
  'bn',
  'ln',
  'pos_enc',
  'glob_avg',
] as const;

export type Op = (typeof OPS)[number];

/** A named tensor that a node owns. Its `shape` is the one in PyTorch. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface Node {
  readonly id: string;
  readonly op: Op;
  readonly weight?: TensorSpec;
  readonly bias?: TensorSpec;
  /** A pool's kernel: [height, width]. */
  readonly kernel?: readonly [number, number];
  /** True if the node's tensor is the weight or the bias of the network's head. */
  readonly classifier: boolean;
}

export interface StateDictEntry extends TensorSpec {
  readonly kind: 'parameter' | 'buffer';
}

/** The layout of a tensor in requests and answers, if it differs from PyTorch's. */
export interface TensorLayout {
  /** The tensor's name in its node. */
  readonly name: string;
  /** Its name in requests and answers. */
  readonly as: string;
  /** PyTorch's shape, with an axis divided (such as [h·d, e] into [h, d, e]) or axes of length 1 removed. */
  readonly view: readonly number[];
  /** The view's axes, in the order that requests and answers give them. */
  readonly axes: readonly number[];
}

/** The parts of an architecture that only a Keras model has. */
export interface KerasForm {
  /** Layouts of the state dict's tensors, in its order. */
  readonly layouts: readonly TensorLayout[];
  /** The model as the request gave it: its class_name and its config. */
  readonly model: unknown;
}

/** The choices for a layer or node without a GHN operation: refuse the request, or leave it out. */
export const UNSUPPORTED = ['refuse', 'skip'] as const;
export type Unsupported = (typeof UNSUPPORTED)[number];

/** The end of a refusal's message. It names the alternative. */
export const SKIP = '; "unsupported": "skip" beside the architecture leaves it out';

/** A hint for the client that is not an error. The code is for programs. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

/** A network that has passed all checks, so later steps need not check it again. */
export interface Architecture {
  readonly name: string;
  /** In topological order; the first is the input. */
  readonly nodes: readonly Node[];
  /** Pairs of indices into `nodes`, each pair once. */
  readonly edges: readonly (readonly [number, number])[];
  /** The network's tensors in its own order; null if the request has no state dict. */
  readonly stateDict: readonly StateDictEntry[] | null;
  /**
   * Present if the request gives a Keras model. The nodes and the state dict are those of the same network in PyTorch.
   */
  readonly keras?: KerasForm;
  /** The operations that were left out of the graph on request, one line for each. */
  readonly leftOut?: readonly string[];
  readonly warnings?: readonly Warning[];
}
