import type { Op, StateDictEntry, TensorSpec } from '../architecture.js';
import { couldBeClassifier } from '../node-rules.js';
import type { Graph, GraphNode } from '../schema.js';
import { inPyTorchOrder } from './state-dict.js';

const POOLS: ReadonlySet<Op> = new Set(['glob_avg', 'avg_pool', 'max_pool']);

/** A squeeze-and-excitation block's gate takes some four nodes to compute; more are looked at in no case. */
const MAX_GATE_NODES = 50;

interface DraftNode {
  /** null: it is numbered among those of its operation. */
  readonly id: string | null;
  readonly op: Op;
  readonly weight?: TensorSpec;
  readonly bias?: TensorSpec;
  readonly kernel?: readonly [number, number];
  /** Indices of the nodes that lead to it. */
  inputs: readonly number[];
}

/** A network's graph while its layers are added, one after the other. Node 0 is the input. */
export class Network {
  readonly #nodes: DraftNode[] = [{ id: 'input', op: 'input', inputs: [] }];
  readonly #stateDict: StateDictEntry[] = [];
  /** Nodes that turned out to be none: whoever takes their output takes their input. */
  readonly #bypassed = new Set<number>();

  /** A node that owns a weight; its id is `id`. */
  addWeight(op: Op, id: string, weight: TensorSpec, inputs: readonly number[]): number {
    this.addTensor(weight, 'parameter');
    return this.#add({ id, op, weight, inputs });
  }

  /** A bias behind a weight's node. */
  addBias(bias: TensorSpec, behind: number, id = bias.name): number {
    this.addTensor(bias, 'parameter');
    return this.#add({ id, op: 'bias', bias, inputs: [behind] });
  }

  /** A norm, which owns its gain and its bias. */
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

  /** A node without tensors. */
  addOperation(op: Op, inputs: readonly number[], kernel?: readonly [number, number]): number {
    return this.#add({ id: null, op, inputs, ...(kernel && { kernel }) });
  }

  /** A node that joins others; where all inputs come from one node, that node. */
  join(op: 'sum' | 'concat', inputs: readonly number[]): number {
    const different = [...new Set(inputs)];
    const [only] = different;
    return different.length === 1 && only !== undefined ? only : this.addOperation(op, different);
  }

  /**
   * Takes the pools of a node that are on the way from it to another for no nodes, as those of squeeze-and-excitation
   * blocks are. Gives whether there were any.
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
      // One that joins a thousand would cost as much for each product behind it.
      way.push(...inputs.slice(0, MAX_GATE_NODES));
      if (!POOLS.has(op) || inputs[0] !== from) continue;
      this.#bypassed.add(node);
      found = true;
    }
    return found;
  }

  /** A tensor of the state dict; those of nodes are there already. */
  addTensor(tensor: TensorSpec, kind: StateDictEntry['kind']): void {
    this.#stateDict.push({ ...tensor, kind });
  }

  op(node: number): Op | undefined {
    return this.#nodes[node]?.op;
  }

  /** Of those so far, with the ones that turned out to be none. */
  get nodeCount(): number {
    return this.#nodes.length;
  }

  get tensorCount(): number {
    return this.#stateDict.length;
  }

  /** The names of the tensors from the one at `start`, in the order in which they were added. */
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
    const head = this.#headBehindItsPool(output);
    const kept = [...this.#nodes.keys()].filter((index) => !this.#bypassed.has(index));
    const ids = numbered(this.#nodes, kept);
    return {
      name,
      nodes: kept.map((index): GraphNode => {
        const { op, weight, bias, kernel } = this.#nodes[index]!;
        return {
          id: ids[index]!,
          op,
          ...(weight && { weight: { name: weight.name, shape: [...weight.shape] } }),
          ...(bias && { bias: { name: bias.name, shape: [...bias.shape] } }),
          ...(kernel && { kernel: [kernel[0], kernel[1]] }),
          ...(head.includes(index) && { classifier: true }),
        };
      }),
      edges: kept.flatMap((index) =>
        this.#nodes[index]!.inputs.map((input): [string, string] => [ids[this.#behind(input)]!, ids[index]!]),
      ),
      state_dict: order(this.#stateDict).map((entry) => ({ ...entry, shape: [...entry.shape] })),
    };
  }

  /** The node, or the one before those that are bypassed. */
  #behind(node: number): number {
    let index = node;
    while (this.#bypassed.has(index)) index = this.#nodes[index]!.inputs[0]!;
    // So that a chain of them is walked once, not for every node that takes its output.
    if (index !== node) this.#nodes[node]!.inputs = [index];
    return index;
  }

  #add(node: DraftNode): number {
    return this.#nodes.push(node) - 1;
  }

  /**
   * A fully convolutional head and the global pool behind it stand in a GHN's graphs the other way round (as
   * SqueezeNet's do). Swaps them where the network ends so, and gives the head's nodes.
   */
  #headBehindItsPool(output: number): number[] {
    const pool = this.#nodes[output];
    const last = pool?.inputs[0];
    if (pool?.op !== 'glob_avg' || last === undefined) return [];
    const behind = this.#nodes[last]!;
    const head = behind.op === 'bias' ? [behind.inputs[0]!, last] : [last];
    const weight = this.#nodes[head[0]!]!;
    if (!couldBeClassifier(weight)) return [];
    pool.inputs = weight.inputs;
    weight.inputs = [output];
    return head;
  }
}

/** Every node's id; those without one are called op_0, op_1, … in their order, passing over ids that layers have. */
function numbered(nodes: readonly DraftNode[], kept: readonly number[]): string[] {
  const taken = new Set(nodes.map((node) => node.id));
  const counts = new Map<Op, number>();
  const ids: string[] = [];
  for (const index of kept) {
    const { id, op } = nodes[index]!;
    let number = counts.get(op) ?? 0;
    while (id === null && taken.has(`${op}_${number}`)) number++;
    if (id === null) counts.set(op, number + 1);
    ids[index] = id ?? `${op}_${number}`;
  }
  return ids;
}
