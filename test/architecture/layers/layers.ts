import type { Architecture } from '../../../src/architecture/architecture.js';
import type { Fault } from '../../../src/architecture/faults.js';
import { parseLayers } from '../../../src/architecture/layers/parse.js';
import { faultsOf, LIMITS } from '../fixtures.js';

export interface Layer {
  name: string;
  type: string;
  [argument: string]: unknown;
}

/** Parses a network of these layers. */
export function network(layers: Layer[], input?: number[]): Architecture {
  return parseLayers({ name: 'network', layers, ...(input && { input }) }, LIMITS);
}

export function layerFaults(layers: unknown[], input?: number[], limits = LIMITS): readonly Fault[] {
  return faultsOf(() => parseLayers({ name: 'network', layers, ...(input && { input }) }, limits));
}

/** Returns the nodes of a network except the input: the operation, and the shape of the weight or bias. */
export function operations(architecture: Architecture): string[] {
  return architecture.nodes.slice(1).map(({ op, weight, bias, kernel }) => {
    const shape = weight?.shape ?? bias?.shape ?? kernel;
    return shape ? `${op} ${shape.join('x')}` : op;
  });
}

/** Returns the edges by the nodes' ids. */
export function edges({ nodes, edges }: Architecture): string[] {
  return edges.map(([from, to]) => `${nodes[from]!.id} > ${nodes[to]!.id}`);
}

/** Returns the layers of the API's example. */
export function tinyLayers(): Layer[] {
  return [
    { name: 'conv1', type: 'Conv2d', in_channels: 3, out_channels: 16, kernel_size: 3 },
    { name: 'bn1', type: 'BatchNorm2d', num_features: 16 },
    { name: 'relu', type: 'ReLU' },
    { name: 'pool', type: 'MaxPool2d', kernel_size: 2 },
    { name: 'gap', type: 'AdaptiveAvgPool2d' },
    { name: 'fc', type: 'Linear', in_features: 16, out_features: 10 },
  ];
}
