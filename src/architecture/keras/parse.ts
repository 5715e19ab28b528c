import type { Architecture, TensorLayout, Unsupported, Warning } from '../architecture.js';
import { ArchitectureError, FaultList, quote } from '../faults.js';
import { buildArchitecture } from '../graph.js';
import { isObject } from '../json.js';
import { Network } from '../layers/network.js';
import { type Limits, limitOf } from '../limits.js';
import { type Extent, excess, hasMoreValues } from './extent.js';
import type { Generation } from './layer.js';
import { generationOf, type Model, type ModelLayer, ModelReader } from './model.js';
import { posted } from './posted.js';
import { KerasReader, type LeftOut, type PlacedLayer } from './reader.js';

/** Far more than the configs of models in models have, and few enough for what goes down into them. */
const MAX_DEPTH = 100;

/** Keras 3 writes some 60 to a layer. A body has room for millions, and to read them all takes seconds. */
const VALUES_TO_A_LAYER = 64;

/** A layer's config has some thirty. */
const MAX_KEYS = 1000;

const TWICE =
  'this JSON is encoded twice, a text within a text; send what model.to_json() gives as it is, or json.loads of it';

/** A Keras model that was read: what it comes to, and where its parts come from. */
export interface ReadKeras {
  readonly architecture: Architecture;
  readonly model: Model;
  readonly generation: Generation;
  /** In the order in which Keras lists them. */
  readonly placed: readonly PlacedLayer[];
  /** Layers that are left out. */
  readonly leftOut: ReadonlyMap<ModelLayer, LeftOut>;
}

/**
 * Reads `{"keras": …}`: what Keras 2's or 3's `model.to_json()` gives, as an object or as the string that it is, or a
 * TensorFlow.js `model.json`, whole or its `modelTopology` alone. Sizes, which Keras does not write down, are inferred
 * through the network. The architecture is that of the same network in PyTorch; its `layouts` are what Keras calls its
 * tensors and how it has them.
 * @throws ArchitectureError with every fault, each with its JSON pointer into `input`; into the string's JSON, where the
 * model is given as a string.
 */
export function parseKeras(
  input: unknown,
  limits: Limits,
  unsupported: Unsupported = 'refuse',
): Architecture {
  return readKeras(input, limits, unsupported).architecture;
}

/** As parseKeras, with the layers that the architecture was made of. */
export function readKeras(input: unknown, limits: Limits, unsupported: Unsupported = 'refuse'): ReadKeras {
  const faults = new FaultList();
  const maxLayers = limitOf('layers', limits);
  const extent = { depth: MAX_DEPTH, values: VALUES_TO_A_LAYER * maxLayers, keys: MAX_KEYS };
  const { value, path } = findModel(input, extent, faults);
  const model = new ModelReader(faults, maxLayers).read(value, path);
  if (!model) throw faults.error();
  const network = new Network();
  const generation = generationOf(model);
  const options = { generation, maxLayers, skips: unsupported === 'skip' };
  const reader = new KerasReader(network, options, faults);
  const [output] = reader.read(model);
  faults.throwIfAny();
  const placed = reader.placed.toSorted((a, b) => a.layer.position - b.layer.position);
  const layouts = placed.flatMap(({ variables }) =>
    variables.map(({ name, path, view, axes }): TensorLayout => ({ name, as: path, view, axes })),
  );
  const rank = new Map(layouts.map(({ name }, index) => [name, index]));
  const graph = network.graph(model.name, output?.node ?? 0, (entries) =>
    entries.toSorted((a, b) => rank.get(a.name)! - rank.get(b.name)!),
  );
  try {
    const leftOut = [...reader.leftOut.values()].map(({ label, reason }) => `${label}: ${reason}`);
    const warnings = [...reader.shared].map((label) => sharedWeights(label));
    const architecture = {
      ...buildArchitecture(graph, limits),
      keras: { layouts, model: value },
      ...(leftOut.length > 0 && { leftOut }),
      ...(warnings.length > 0 && { warnings }),
    };
    return { architecture, model, generation, placed, leftOut: reader.leftOut };
  } catch (error) {
    // A graph of valid layers can only be too large.
    if (!(error instanceof ArchitectureError)) throw error;
    throw new ArchitectureError(error.faults.map(({ message }) => ({ path: '/keras', message })));
  }
}

/** The model itself, without the objects that TensorFlow.js and Keras files put around it. */
function findModel(
  input: unknown,
  extent: Extent,
  faults: FaultList,
): { value: unknown; path: readonly string[] } {
  const given = isObject(input) ? input : {};
  for (const key of Object.keys(given)) {
    if (key === 'keras') continue;
    faults.add([key], 'unknown key; a Keras model has keras alone, the name is in the model');
  }
  let value = given.keras;
  const path = ['keras'];
  if (typeof value === 'string') {
    if (hasMoreValues(value, extent.values)) addExcess('values', extent, path, faults);
    const text = value;
    try {
      value = JSON.parse(text);
    } catch {
      faults.add(path, posted(text) ?? `expected the JSON of a model, not ${quote(value)}`);
      faults.throwIfAny();
    }
    if (typeof value === 'string') {
      faults.add(path, `${TWICE}, not ${quote(value)}`);
      faults.throwIfAny();
    }
  }
  const mistaken = isObject(value) && 'modelTopology' in value ? posted(value) : null;
  if (mistaken) {
    faults.add(path, mistaken);
    faults.throwIfAny();
  }
  for (const key of ['modelTopology', 'model_config']) {
    if (!isObject(value) || !(key in value)) continue;
    value = value[key];
    path.push(key);
  }
  const found = excess(value, extent);
  if (found) addExcess(found, extent, path, faults);
  return { value, path };
}

function addExcess(
  found: keyof Extent,
  { depth, values, keys }: Extent,
  path: readonly PropertyKey[],
  faults: FaultList,
): void {
  const expected = {
    depth: `expected a model, not values within values, more than ${depth} deep`,
    values: `expected a model of no more than the ${values} values in its JSON that this server takes (MAX_NODES)`,
    keys: `expected a model, whose objects have no more than ${keys} keys each`,
  };
  faults.add(path, expected[found]);
  faults.throwIfAny();
}

function sharedWeights(label: string): Warning {
  return {
    code: 'shared_weights',
    message: `${label} is used more than once with the same weights; its node stands where it is used first`,
  };
}
