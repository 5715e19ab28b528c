import { z } from 'zod';
import type { Architecture } from '../architecture.js';
import { ArchitectureError, FaultList } from '../faults.js';
import { buildArchitecture } from '../graph.js';
import { asArray, isObject } from '../json.js';
import type { Limits } from '../limits.js';
import { addZodFaults } from '../zod-faults.js';
import { Network } from './network.js';
import { LayerReader } from './reader.js';
import { layersSchema } from './schema.js';

// The layers are read one by one, each by its own type's schema.
const outlineSchema = layersSchema.extend({ layers: z.array(z.unknown()) });

/** Layers that are no nodes (activations, dropout, reshapes) are many, but hardly more than this to each that is one. */
const LAYERS_TO_A_NODE = 4;

/**
 * Reads layers, checks their sizes through the network, and makes the graph that a trace of the same PyTorch module
 * gives. Where the network's input size is missing, it is whatever the first layer takes.
 * @throws ArchitectureError with every fault, each with its JSON pointer into `input`.
 */
export function parseLayers(input: unknown, limits: Limits): Architecture {
  const faults = new FaultList();
  const outline = outlineSchema.safeParse(input);
  if (!outline.success) addZodFaults(faults, outline.error, input, []);
  const network = new Network();
  const size = outline.data?.input ?? null;
  const layers = isObject(input) ? asArray(input.layers) : [];
  const maxLayers = LAYERS_TO_A_NODE * limits.maxNodes;
  if (layers.length > maxLayers) {
    faults.add(['layers'], `${layers.length} layers, more than the ${maxLayers} that this server takes`);
    faults.throwIfAny();
  }
  const reader = new LayerReader(network, { node: 0, size, giver: 'the network’s input' }, faults);
  const output = reader.read(layers);
  faults.throwIfAny();
  try {
    return buildArchitecture(network.graph(outline.data?.name ?? '', output.node), limits);
  } catch (error) {
    // What the graph of sound layers can still have wrong is only that it is too large.
    if (!(error instanceof ArchitectureError)) throw error;
    throw new ArchitectureError(error.faults.map(({ message }) => ({ path: '/layers', message })));
  }
}
