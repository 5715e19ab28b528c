import { z } from 'zod';
import type { Architecture, Unsupported } from '../architecture.js';
import { ArchitectureError, FaultList } from '../faults.js';
import { buildArchitecture } from '../graph.js';
import { asArray, isObject } from '../json.js';
import { checkCount, type Limits } from '../limits.js';
import { addZodFaults } from '../zod-faults.js';
import { Network } from './network.js';
import { LayerReader } from './reader.js';
import { layersSchema } from './schema.js';

// The layers are read one by one, each with the schema of its type.
const outlineSchema = layersSchema.extend({ layers: z.array(z.unknown()) });

/**
 * Reads layers, checks that their sizes fit, and makes the same graph as a trace of the PyTorch module. If the request
 * does not give the network's input size, any size that the first layer accepts is valid.
 * @throws ArchitectureError with every fault, each with its JSON pointer into `input`.
 */
export function parseLayers(
  input: unknown,
  limits: Limits,
  unsupported: Unsupported = 'refuse',
): Architecture {
  const faults = new FaultList();
  const outline = outlineSchema.safeParse(input);
  if (!outline.success) addZodFaults(faults, outline.error, input, []);
  const network = new Network();
  const size = outline.data?.input ?? null;
  const layers = isObject(input) ? asArray(input.layers) : [];
  if (checkCount('layers', layers.length, limits, ['layers'], faults)) faults.throwIfAny();
  const inputs = layers.reduce<number>(
    (sum, layer) => sum + (isObject(layer) ? asArray(layer.inputs).length : 0),
    0,
  );
  if (checkCount('inputs of layers', inputs, limits, ['layers'], faults)) faults.throwIfAny();
  const given = { node: 0, size, giver: 'the network’s input' };
  const reader = new LayerReader(network, given, unsupported === 'skip', faults);
  const output = reader.read(layers);
  faults.throwIfAny();
  try {
    const { leftOut } = reader;
    const graph = network.graph(outline.data?.name ?? '', output.node);
    return { ...buildArchitecture(graph, limits), ...(leftOut.length > 0 && { leftOut }) };
  } catch (error) {
    // If every layer is valid, the graph's only possible fault is its size.
    if (!(error instanceof ArchitectureError)) throw error;
    throw new ArchitectureError(error.faults.map(({ message }) => ({ path: '/layers', message })));
  }
}
