import type { Architecture } from '../../../src/architecture/architecture.js';
import type { Fault } from '../../../src/architecture/faults.js';
import { parseLayers } from '../../../src/architecture/layers/parse.js';
import { faultsOf, LIMITS } from '../fixtures.js';

export interface Layer {
  name: string;
  type: string;
  [argument: string]: unknown;
}

/** A network of these layers. */
export function network(layers: Layer[], input?: number[]): Architecture {
  return parseLayers({ name: 'network', layers, ...(input && { input }) }, LIMITS);
}

export function layerFaults(layers: unknown[], input?: number[], limits = LIMITS): readonly Fault[] {
  return faultsOf(() => parseLayers({ name: 'network', layers, ...(input && { input }) }, limits));
}

/** Its nodes without the input: operation and weight's or bias's shape. */
export function operations(architecture: Architecture): string[] {
  return architecture.nodes.slice(1).map(({ op, weight, bias, kernel }) => {
    const shape = weight?.shape ?? bias?.shape ?? kernel;
    return shape ? `${op} ${shape.join('x')}` : op;
  });
}

/** Its edges by the nodes' ids. */
export function edges({ nodes, edges }: Architecture): string[] {
  return edges.map(([from, to]) => `${nodes[from]!.id} > ${nodes[to]!.id}`);
}

/** The API's own example. */
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
