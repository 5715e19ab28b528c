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

/** Far deeper than the configs of real models within models, but shallow enough for recursion. */
const MAX_DEPTH = 100;

/** Keras 3 writes about 60 values for a layer. A request has room for millions, which would take seconds to read. */
const VALUES_TO_A_LAYER = 64;

/** Maximum number of keys in an object. A layer's config has about thirty. */
const MAX_KEYS = 1000;

const TWICE =
  'this JSON is encoded twice, a text within a text; send what model.to_json() gives as it is, or json.loads of it';

/** A Keras model that was read: its architecture, and the layers that this came from. */
export interface ReadKeras {
  readonly architecture: Architecture;
  readonly model: Model;
  readonly generation: Generation;
  /** The layers, in Keras' order. */
  readonly placed: readonly PlacedLayer[];
  /** Omitted layers. */
  readonly leftOut: ReadonlyMap<ModelLayer, LeftOut>;
}

/**
 * Reads `{"keras": …}`: the result of `model.to_json()` in Keras 2 or 3, as an object or as a string, or a
 * TensorFlow.js `model.json`, whole or only its `modelTopology`. Infers the sizes between layers, which Keras 2 does
 * not write. The architecture is that of the same network in PyTorch; its `layouts` give the names and layouts of the
 * tensors in Keras.
 * @throws ArchitectureError with every fault, each with its JSON pointer into `input`. If the model is a string, the
 * pointer leads into the JSON in the string.
 */
export function parseKeras(
  input: unknown,
  limits: Limits,
  unsupported: Unsupported = 'refuse',
): Architecture {
  return readKeras(input, limits, unsupported).architecture;
}

/** Like parseKeras, but also returns the layers. */
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
    // If every layer is valid, the graph's only possible fault is its size.
    if (!(error instanceof ArchitectureError)) throw error;
    throw new ArchitectureError(error.faults.map(({ message }) => ({ path: '/keras', message })));
  }
}

/** The model itself, without the objects that TensorFlow.js and Keras files wrap it in. */
function findModel(
  input: unknown,
  extent: Extent,
  faults: FaultList,
): { value: unknown; path: readonly string[] } {
  const given = isObject(input) ? input : {};
  for (const key of Object.keys(given)) {
    if (key === 'keras') continue;
    faults.add([key], 'unknown key; keras is the only key of a Keras model, which has its name itself');
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
    message: `${label} is used more than once with the same weights; its node is at the first use`,
  };
}
