import { readdirSync, readFileSync } from 'node:fs';
import { ArchitectureError, type Fault } from '../../src/architecture/faults.js';
import { parseGraph } from '../../src/architecture/graph.js';
import type { Limits } from '../../src/architecture/limits.js';
import { EXAMPLE_GRAPH, type Graph } from '../../src/architecture/schema.js';

const FOLDER = new URL('../fixtures/', import.meta.url);

/** The default limits of a service. */
export const LIMITS: Limits = { maxNodes: 5000, maxParameters: 2e9 };

/** The form of a JSON pointer (RFC 6901). */
export const POINTER = /^(\/([^/~]|~[01])*)*$/;

/** torchvision's networks and a small GPT-2, as the authors' code turned them into graphs. */
export const FIXTURE_NAMES = readdirSync(new URL('architectures/', FOLDER)).map((file) =>
  file.replace('.json', ''),
);

export function fixtureGraph(name: string): Graph {
  return JSON.parse(readFileSync(new URL(`architectures/${name}.json`, FOLDER), 'utf8')) as Graph;
}

/** Returns an int32 tensor from a safetensors file of intermediate results. */
export function intermediate(file: string, tensor: string): number[] {
  const bytes = readFileSync(new URL(`intermediates/${file}.safetensors`, FOLDER));
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, headerEnd)) as Record<
    string,
    { data_offsets: [start: number, end: number] }
  >;
  const [start, end] = header[tensor]!.data_offsets;
  return Array.from({ length: (end - start) / 4 }, (_, i) => bytes.readInt32LE(headerEnd + start + 4 * i));
}

/** Returns the network of the API's example. */
export function tinyGraph(): Graph {
  return structuredClone<Graph>(EXAMPLE_GRAPH);
}

/** Returns the faults of an architecture, or an empty list if it is accepted. Rethrows all other errors. */
export function faultsOf(run: () => unknown): readonly Fault[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ArchitectureError) return error.faults;
    throw error;
  }
  return [];
}

export const graphFaults = (input: unknown, limits = LIMITS): readonly Fault[] =>
  faultsOf(() => parseGraph(input, limits));
