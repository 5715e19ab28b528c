import type { Op, StateDictEntry, TensorSpec } from '../architecture.js';
import { couldBeClassifier } from '../node-rules.js';
import type { Graph, GraphNode } from '../schema.js';
import { inPyTorchOrder } from './state-dict.js';

const POOLS: ReadonlySet<Op> = new Set(['glob_avg', 'avg_pool', 'max_pool']);

/** Maximum number of nodes to search for a squeeze-and-excitation block's gate. A real gate has about four. */
const MAX_GATE_NODES = 50;

/** Maximum number of nodes that a junction can join: each node after it gets an edge from every one. */
const MAX_JUNCTION = 64;

/**
 * Maximum number of nodes, in total, to visit in searches for a path. Only a hostile network needs more; it would take
 * seconds.
 */
const MAX_LOOKED_AT = 10_000_000;

interface DraftNode {
  /** null if the node is to be named after its operation and numbered. */
  readonly id: string | null;
  /** null for a junction, which does not become a node of the graph. */
  readonly op: Op | null;
  readonly weight?: TensorSpec;
  readonly bias?: TensorSpec;
  readonly kernel?: readonly [number, number];
  /** Indices of this node's predecessors. */
  inputs: readonly number[];
}

/** Builds a network's graph layer by layer. Node 0 is the input. */
export class Network {
  readonly #nodes: DraftNode[] = [{ id: 'input', op: 'input', inputs: [] }];
  readonly #stateDict: StateDictEntry[] = [];
  /** Nodes that the graph does not keep: their successors are connected to their inputs. */
  readonly #bypassed = new Set<number>();
  /** Junctions that are products of two activations, such as the scores of an attention. */
  readonly #scores = new Set<number>();
  #lookedAt = 0;

  /** Adds a node with id `id` that owns a weight. */
  addWeight(op: Op, id: string, weight: TensorSpec, inputs: readonly number[]): number {
    this.addTensor(weight, 'parameter');
    return this.#add({ id, op, weight, inputs });
  }

  /** Adds a bias after a weight's node. */
  addBias(bias: TensorSpec, behind: number, id = bias.name): number {
    this.addTensor(bias, 'parameter');
    return this.#add({ id, op: 'bias', bias, inputs: [behind] });
  }

  /** Adds a norm, which owns its gain and its bias. */
  addNorm(
    op: 'bn' | 'ln',
    id: string,
    weight: TensorSpec | null,
    bias: TensorSpec | null,
    input: number,
  ): number {
    if (weight) this.addTensor(weight, 'parameter');
    if (bias) this.addTensor(bias, 'parameter');
    return this.#add({ id, op, ...(weight && { weight }), ...(bias && { bias }), inputs: [input] });
  }

  /** Adds a node without tensors. */
  addOperation(op: Op, inputs: readonly number[], kernel?: readonly [number, number]): number {
    return this.#add({ id: null, op, inputs, ...(kernel && { kernel }) });
  }

  /** Adds a node that joins others. If all inputs are the same node, returns that node instead. */
  join(op: 'sum' | 'concat', inputs: readonly number[]): number {
    const different = [...new Set(inputs)];
    const [only] = different;
    return different.length === 1 && only !== undefined ? only : this.addOperation(op, different);
  }

  /**
   * The output of an operation on several nodes that is not a node itself, such as a product. Later nodes get an edge
   * from each of these nodes (docs/ghn.md, section 1). Returns null if there are more than MAX_JUNCTION.
   */
  junction(inputs: readonly number[]): number | null {
    const different = [...new Set(inputs.flatMap((input) => this.#parts(input)))];
    const [only] = inputs;
    if (new Set(inputs).size === 1) return only!;
    if (different.length > MAX_JUNCTION) return null;
    return different.length === 1 ? different[0]! : this.#addJunction(different);
  }

  /** Gives a node more inputs, unless that would close a cycle. Returns true if it did. */
  extend(node: number, inputs: readonly number[]): boolean {
    const known = this.#nodes[node]!;
    const more = inputs.filter((input) => !known.inputs.includes(input));
    if (more.some((input) => this.#reaches(node, input))) return false;
    known.inputs = [...known.inputs, ...more];
    return true;
  }

  /**
   * Adds a matrix product of two activations. The product of an attention's softmax and its values belongs to that msa
   * node. Any other product may be an attention's scores, whose softmax becomes an msa.
   */
  multiply(a: number, b: number): number | null {
    for (const [attention, values] of [
      [a, b],
      [b, a],
    ] as const) {
      if (this.op(attention) === 'msa' && this.extend(attention, [values])) return attention;
    }
    const parts = [...new Set([...this.#parts(a), ...this.#parts(b)])];
    if (parts.length > MAX_JUNCTION) return null;
    const product = this.#addJunction(parts);
    this.#scores.add(product);
    return product;
  }

  /** Adds a softmax: an msa node if its input is an attention's scores, otherwise no node. */
  softmax(node: number): number {
    return this.#scores.has(node) ? this.addOperation('msa', [node]) : node;
  }

  /**
   * Removes the pools directly after `from` on the way to `to`, since the pools in squeeze-and-excitation blocks are
   * not nodes. Returns true if there were any.
   */
  bypassPoolsBetween(from: number, to: number): boolean {
    const seen = new Set([from]);
    const way = [to];
    let found = false;
    for (let node = way.pop(); node !== undefined; node = way.pop()) {
      if (seen.size > MAX_GATE_NODES) break;
      if (seen.has(node)) continue;
      seen.add(node);
      const { op, inputs } = this.#nodes[node]!;
      // Without this limit, a node with a thousand inputs would cost that much for every later product.
      way.push(...inputs.slice(0, MAX_GATE_NODES));
      if (op === null || !POOLS.has(op) || inputs[0] !== from) continue;
      this.#bypassed.add(node);
      found = true;
    }
    return found;
  }

  /** Adds a tensor to the state dict. The methods that add nodes have already added theirs. */
  addTensor(tensor: TensorSpec, kind: StateDictEntry['kind']): void {
    // Written out: `...tensor` takes ten times as long.
    const { name, shape } = tensor;
    this.#stateDict.push({ name, shape, kind });
  }

  op(node: number): Op | null {
    return this.#nodes[node]?.op ?? null;
  }

  /** Nodes so far, including bypassed ones. */
  get nodeCount(): number {
    return this.#nodes.length;
  }

  get tensorCount(): number {
    return this.#stateDict.length;
  }

  /** The names of the tensors from index `start` on, in the order in which they were added. */
  tensorNames(start: number): string[] {
    return this.#stateDict.slice(start).map(({ name }) => name);
  }

  /**
   * The graph, with the network's output at node `output`.
   *
   * @param order of the state dict
   */
  graph(
    name: string,
    output: number,
    order: (entries: readonly StateDictEntry[]) => readonly StateDictEntry[] = inPyTorchOrder,
  ): Graph {
    this.#settleBypassed();
    const head = this.#headBehindItsPool(output);
    const kept = [...this.#nodes.keys()].filter((index) => !this.#bypassed.has(index));
    const ids = numbered(this.#nodes, kept);
    return {
      name,
      nodes: kept.map((index): GraphNode => {
        const { op, weight, bias, kernel } = this.#nodes[index]!;
        return {
          id: ids[index]!,
          op: op!,
          ...(weight && { weight: { name: weight.name, shape: [...weight.shape] } }),
          ...(bias && { bias: { name: bias.name, shape: [...bias.shape] } }),
          ...(kernel && { kernel: [kernel[0], kernel[1]] }),
          ...(head.includes(index) && { classifier: true }),
        };
      }),
      edges: kept.flatMap((index) =>
        this.#nodes[index]!.inputs.flatMap((input) =>
          this.#behind(input).map((from): [string, string] => [ids[from]!, ids[index]!]),
        ),
      ),
      state_dict: order(this.#stateDict).map(({ name, shape, kind }) => ({ name, shape: [...shape], kind })),
    };
  }

  /** The node itself, or its inputs if it is bypassed. */
  #behind(node: number): readonly number[] {
    return this.#bypassed.has(node) ? this.#nodes[node]!.inputs : [node];
  }

  /**
   * Replaces the inputs of bypassed nodes by nodes that the graph keeps. Inputs come before their node, so one pass is
   * enough.
   */
  #settleBypassed(): void {
    for (const index of [...this.#bypassed].sort((a, b) => a - b)) {
      const node = this.#nodes[index]!;
      node.inputs = [...new Set(node.inputs.flatMap((input) => this.#behind(input)))];
    }
  }

  /** The nodes that a junction joins, or the node itself. */
  #parts(node: number): readonly number[] {
    const { op, inputs } = this.#nodes[node]!;
    return op === null ? inputs : [node];
  }

  #addJunction(inputs: readonly number[]): number {
    const index = this.#add({ id: null, op: null, inputs });
    this.#bypassed.add(index);
    return index;
  }

  /** True if a path leads from `start` to `end`. Also true once too many nodes have been visited. */
  #reaches(start: number, end: number): boolean {
    const seen = new Set<number>();
    const way = [end];
    for (let node = way.pop(); node !== undefined; node = way.pop()) {
      if (node === start || this.#lookedAt > MAX_LOOKED_AT) return true;
      if (seen.has(node)) continue;
      seen.add(node);
      const { inputs } = this.#nodes[node]!;
      this.#lookedAt += 1 + inputs.length;
      way.push(...inputs);
    }
    return false;
  }

  #add(node: DraftNode): number {
    return this.#nodes.push(node) - 1;
  }

  /**
   * In a GHN's graphs, a global pool comes before a fully convolutional head (as in SqueezeNet), although the network
   * runs the head first. If the network ends like this, swaps the two and returns the head's nodes.
   */
  #headBehindItsPool(output: number): number[] {
    const pool = this.#nodes[output];
    const last = pool?.inputs[0];
    if (pool?.op !== 'glob_avg' || last === undefined) return [];
    const behind = this.#nodes[last]!;
    const head = behind.op === 'bias' ? [behind.inputs[0]!, last] : [last];
    const weight = this.#nodes[head[0]!]!;
    if (!isConv(weight) || !couldBeClassifier(weight)) return [];
    pool.inputs = weight.inputs;
    weight.inputs = [output];
    return head;
  }
}

/** Gives every node its id. Nodes without one are called op_0, op_1, … in their order; ids of layers are skipped. */
function numbered(nodes: readonly DraftNode[], kept: readonly number[]): string[] {
  const taken = new Set(nodes.map((node) => node.id));
  const counts = new Map<Op, number>();
  const ids: string[] = [];
  for (const index of kept) {
    const { id } = nodes[index]!;
    const op = nodes[index]!.op!;
    let number = counts.get(op) ?? 0;
    while (id === null && taken.has(`${op}_${number}`)) number++;
    if (id === null) counts.set(op, number + 1);
    ids[index] = id ?? `${op}_${number}`;
  }
  return ids;
}

function isConv(node: DraftNode): node is DraftNode & { op: Op } {
  return node.op === 'conv';
}
