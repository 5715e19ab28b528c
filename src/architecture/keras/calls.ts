import type { FaultList } from '../faults.js';
import { quote } from '../faults.js';
import type { Hints } from '../nearest.js';
import { type IndexPair, topologicalOrder } from '../order.js';
import type { Generation } from './layer.js';
import type { Model, ModelLayer } from './model.js';
import { type Call, callOf, type Reference } from './references.js';

/** A call without references: an input layer, or a layer in a Sequential. */
export const NOTHING: Call = { arguments: [], references: [] };

export interface ModelCall {
  readonly layer: ModelLayer;
  readonly call: Call;
  /** The number of this call among the layer's calls. */
  readonly index: number;
}

/** The calls of a Functional model's layers. */
export interface Calls {
  readonly all: readonly ModelCall[];
  /** For each call, the calls whose outputs its references name; null if there is no such call. */
  readonly sources: readonly (readonly (number | null)[])[];
  /** The calls in topological order, without those on a cycle or after one, which is a fault. */
  readonly order: readonly number[];
  /** Returns the call that a reference names. If there is none, adds a fault and returns null. */
  readonly find: (reference: Reference) => number | null;
}

interface CallsOptions {
  readonly generation: Generation;
  readonly hints: Hints;
  readonly faults: FaultList;
}

export function callsOf(model: Model, { generation, hints, faults }: CallsOptions): Calls {
  const all = model.layers.flatMap((layer): ModelCall[] =>
    layer.type === 'InputLayer'
      ? [{ layer, call: NOTHING, index: 0 }]
      : layer.calls.map((call, index) => ({ layer, call, index })),
  );
  const byLayer = new Map<string, number[]>();
  all.forEach(({ layer: { name } }, index) => {
    const known = byLayer.get(name);
    if (known) known.push(index);
    else byLayer.set(name, [index]);
  });
  const models = new Set(model.layers.flatMap(({ name, model }) => (model ? [name] : [])));
  const find = (reference: Reference): number | null => {
    const { layer, call, path } = reference;
    const of = byLayer.get(layer) ?? [];
    const found = of[callOf(reference, models.has(layer), generation)];
    if (found !== undefined) return found;
    const isLayer = model.layers.some(({ name }) => name === layer);
    const message = isLayer
      ? `${quote(layer)} is called ${of.length} times here, so it has no call ${call}`
      : `${quote(layer)} is not the name of a layer${hints.for(layer, byLayer.keys())}`;
    faults.add(path, message);
    return null;
  };
  const sources = all.map(({ call }) => call.references.map(find));
  const edges = sources.flatMap((from, to) =>
    from.flatMap((source): IndexPair[] => (source === null ? [] : [[source, to]])),
  );
  const order = topologicalOrder(all.length, edges, 0);
  if (order.length < all.length) addCycle(model, all, order, faults);
  return { all, sources, order, find };
}

function addCycle(
  { layers }: Model,
  calls: readonly ModelCall[],
  order: readonly number[],
  faults: FaultList,
): void {
  const reached = new Set(order);
  const left = calls.filter((_, index) => !reached.has(index)).map(({ layer }) => layer.name);
  const names = left.slice(0, 5).map(quote).join(', ');
  faults.add(pathOf(layers), `a cycle among ${left.length} layers, or after one: ${names}`);
}

/**
 * Path of a model's list of layers. A model that was read has at least one layer, or has faults that explain why not.
 */
export function pathOf([first]: readonly ModelLayer[]): readonly PropertyKey[] {
  return first?.path.slice(0, -1) ?? ['keras'];
}
