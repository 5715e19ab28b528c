import { elements } from '../tensor/tensor.js';
import type { FaultList } from './faults.js';
import { quote } from './faults.js';
import type { Limits } from './limits.js';
import { checkCount } from './limits.js';
import { Hints } from './nearest.js';
import { checkNode, label } from './node-rules.js';
import type { IndexPair } from './order.js';
import { cycles, topologicalOrder } from './order.js';
import type { GraphDraft } from './read.js';
import type { GraphTensor } from './schema.js';

export interface CheckedNodes {
  /** The input's index, -1 if there is none or more than one. */
  readonly input: number;
  readonly indexOf: ReadonlyMap<string, number>;
}

/** Checks each node alone, compares ids and tensor names, and looks for exactly one input. */
export function checkNodes(draft: GraphDraft, limits: Limits, faults: FaultList): CheckedNodes {
  const indexOf = new Map<string, number>();
  draft.ids.forEach((id, index) => {
    if (id === null) return;
    const other = indexOf.get(id);
    if (other === undefined) indexOf.set(id, index);
    else faults.add(['nodes', index, 'id'], `duplicate id ${quote(id)}: node ${other} has it too`);
  });
  const tensors = new Map<string, string>();
  let parameters = 0;
  let nameBytes = 0;
  for (const { tensor, path, owner } of ownedTensors(draft)) {
    parameters += elements(tensor.shape);
    nameBytes += Buffer.byteLength(tensor.name);
    const other = tensors.get(tensor.name);
    if (other === undefined) tensors.set(tensor.name, owner);
    else faults.add([...path, 'name'], `duplicate tensor name ${quote(tensor.name)}: ${other} owns it too`);
  }
  draft.nodes.forEach((node, index) => {
    if (node && node.op !== 'other') checkNode(node, ['nodes', index], faults);
  });
  if (!draft.stateDict) {
    checkCount('parameters', parameters, limits, ['nodes'], faults);
    checkCount('bytes of tensors’ names', nameBytes, limits, ['nodes'], faults);
  }
  return { input: checkInput(draft, faults), indexOf };
}

function checkInput(draft: GraphDraft, faults: FaultList): number {
  const inputs = draft.nodes.flatMap((node, index) => (node?.op === 'input' ? [index] : []));
  const [first = -1, ...others] = inputs;
  for (const index of others) {
    const [kept, surplus] = [draft.ids[first], draft.ids[index]];
    faults.add(
      ['nodes', index, 'op'],
      `a second input, ${quote(surplus)}, besides ${quote(kept)}; a network has one`,
    );
  }
  if (inputs.length === 0 && !draft.nodes.includes(null)) {
    faults.add(['nodes'], 'there is no node of op input; a network has exactly one, for its data');
  }
  return others.length === 0 ? first : -1;
}

export interface CheckedEdges {
  /** Pairs of indices into the nodes; a repeated edge appears twice. */
  readonly edges: readonly IndexPair[];
  /** The nodes in topological order. */
  readonly order: readonly number[];
}

/** Checks that both ends of every edge exist, that no edge leads to the input, and that there is no cycle. */
export function checkEdges(
  draft: GraphDraft,
  indexOf: ReadonlyMap<string, number>,
  input: number,
  faults: FaultList,
): CheckedEdges {
  const edges: IndexPair[] = [];
  const given: number[] = [];
  const hints = new Hints();
  const addNowhere = (id: string, path: readonly PropertyKey[]): void => {
    faults.add(path, `${quote(id)} is not the id of a node${hints.for(id, indexOf.keys())}`);
  };
  draft.edges.forEach((edge, index) => {
    if (!edge) return;
    const [from, to] = edge.map((id) => indexOf.get(id));
    if (from === undefined) addNowhere(edge[0], ['edges', index, 0]);
    if (to === undefined) addNowhere(edge[1], ['edges', index, 1]);
    if (from === undefined || to === undefined) return;
    if (to === input && from !== to) {
      faults.add(['edges', index], `no edge may lead to the input, but ${quote(edge[0])} does`);
    }
    edges.push([from, to]);
    given.push(index);
  });
  const count = draft.nodes.length;
  const order = topologicalOrder(count, edges, input);
  if (order.length < count) {
    for (const cycle of cycles(count, edges, order)) {
      const ids = cycle.map((edge) => draft.ids[edges[edge]![0]]!);
      const last = cycle.reduce((a, b) => Math.max(a, b));
      faults.add(['edges', given[last]!], `a cycle: ${cycleText(ids)}; remove one of its edges`);
    }
  }
  return { edges, order };
}

/** A message about a cycle names at most this many of its nodes. */
const NAMED_NODES = 20;

function cycleText(ids: readonly string[]): string {
  const named = ids.slice(0, NAMED_NODES).map(quote);
  if (ids.length > NAMED_NODES) named.push(`… (${ids.length} nodes)`);
  return [...named, quote(ids[0])].join(' → ');
}

/** Checks that the state dict has every tensor of the nodes exactly once, with the same shape. */
export function checkStateDict(draft: GraphDraft, limits: Limits, faults: FaultList): void {
  const { stateDict } = draft;
  if (!stateDict) return;
  const indexOf = new Map<string, number>();
  let parameters = 0;
  let nameBytes = 0;
  stateDict.forEach((entry, index) => {
    if (!entry) return;
    nameBytes += Buffer.byteLength(entry.name);
    if (entry.kind === 'parameter') parameters += elements(entry.shape);
    const other = indexOf.get(entry.name);
    if (other === undefined) indexOf.set(entry.name, index);
    else
      faults.add(
        ['state_dict', index, 'name'],
        `duplicate tensor name ${quote(entry.name)}: entry ${other} has it too`,
      );
  });
  checkCount('parameters', parameters, limits, ['state_dict'], faults);
  checkCount('bytes of tensors’ names', nameBytes, limits, ['state_dict'], faults);
  const isWhole = !stateDict.includes(null);
  for (const { tensor, path, owner } of ownedTensors(draft)) {
    const index = indexOf.get(tensor.name);
    const entry = index === undefined ? undefined : stateDict[index];
    const name = quote(tensor.name);
    if (!entry) {
      if (isWhole)
        faults.add(
          [...path, 'name'],
          `${name} is not in state_dict, which must have every tensor of the nodes`,
        );
    } else if (entry.kind !== 'parameter') {
      faults.add(
        ['state_dict', index!, 'kind'],
        `${name} is a tensor of ${owner}, so its kind must be "parameter"`,
      );
    } else if (entry.shape.join() !== tensor.shape.join()) {
      const shapes = `[${entry.shape.join(', ')}] here and [${tensor.shape.join(', ')}] at ${owner}`;
      faults.add(['state_dict', index!, 'shape'], `${name} has shape ${shapes}: they must be the same`);
    }
  }
}

interface OwnedTensor {
  readonly tensor: Readonly<GraphTensor>;
  readonly path: readonly PropertyKey[];
  readonly owner: string;
}

function* ownedTensors(draft: GraphDraft): Generator<OwnedTensor> {
  for (const [index, node] of draft.nodes.entries()) {
    if (node?.op === 'other') {
      for (const [k, tensor] of (node.tensors ?? []).entries()) {
        yield { tensor, path: ['nodes', index, 'tensors', k], owner: label(node) };
      }
    }
    if (!node || node.op === 'other') continue;
    for (const role of ['weight', 'bias'] as const) {
      const tensor = node[role];
      if (tensor) yield { tensor, path: ['nodes', index, role], owner: label(node) };
    }
  }
}
