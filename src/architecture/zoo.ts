import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { quote } from './faults.js';
import { didYouMean } from './nearest.js';
import type { Graph, GraphTensor } from './schema.js';
import { graphSchema, nameSchema } from './schema.js';

/** An index, and a file for each network's graph. clients/python/scripts/make_zoo.py writes them. */
const DIRECTORY = new URL('../../zoo/', import.meta.url);

const count = z.int().min(1);

export const architectureSummarySchema = z
  .strictObject({
    name: nameSchema.meta({ example: 'resnet50' }),
    family: z.string().meta({ description: 'Common to architectures of one design', example: 'resnet' }),
    nodes: count.meta({ description: 'Nodes of its graph', example: 127 }),
    tensors: count.meta({ description: 'Number of its parameter tensors, predicted or not', example: 161 }),
    parameters: count.meta({ description: 'Number of parameters, with 1000 classes', example: 25557032 }),
  })
  .meta({ id: 'ArchitectureSummary', description: 'An architecture that the service knows by name' });

export type ArchitectureSummary = z.infer<typeof architectureSummarySchema>;

const fileSchema = z.strictObject({
  /** The names of the tensors with a row for each class. */
  by_class: z.array(z.string()),
  graph: graphSchema,
});

/** No architecture of the zoo has this name. The message names the nearest ones. */
export class UnknownArchitectureError extends Error {
  override readonly name = 'UnknownArchitectureError';
}

let index: readonly ArchitectureSummary[] | undefined;

/** The architectures that the service knows by name. Reads only the index, not the graphs. */
export function listArchitectures(): readonly ArchitectureSummary[] {
  index ??= z
    .array(architectureSummarySchema)
    .parse(JSON.parse(readFileSync(new URL('index.json', DIRECTORY), 'utf8')));
  return index;
}

/**
 * The graph of an architecture that listArchitectures names, read from its file.
 *
 * @param numClasses outputs of its head (and of its auxiliary heads) instead of 1000: a positive integer
 * @throws UnknownArchitectureError
 */
export function loadArchitecture(name: string, numClasses?: number): Graph {
  const names = listArchitectures().map((architecture) => architecture.name);
  if (!names.includes(name)) {
    const others = 'GET /architectures lists them all';
    throw new UnknownArchitectureError(
      `no architecture is called ${quote(name)}${didYouMean(name, names) || `; ${others}`}`,
    );
  }
  const file = gunzipSync(readFileSync(new URL(`${name}.json.gz`, DIRECTORY)));
  const { by_class, graph } = fileSchema.parse(JSON.parse(file.toString('utf8')));
  return numClasses === undefined ? graph : withClasses(graph, new Set(by_class), numClasses);
}

function withClasses(graph: Graph, byClass: ReadonlySet<string>, classes: number): Graph {
  const resized = <T extends GraphTensor>(tensor: T): T =>
    byClass.has(tensor.name) ? { ...tensor, shape: [classes, ...tensor.shape.slice(1)] } : tensor;
  return {
    ...graph,
    nodes: graph.nodes.map(({ weight, bias, ...node }) => ({
      ...node,
      ...(weight && { weight: resized(weight) }),
      ...(bias && { bias: resized(bias) }),
    })),
    ...(graph.state_dict && { state_dict: graph.state_dict.map(resized) }),
  };
}
