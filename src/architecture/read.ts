import { z } from 'zod';
import type { FaultList } from './faults.js';
import { asArray, isObject } from './json.js';
import type { Limits } from './limits.js';
import { checkCount } from './limits.js';
import type { GraphEdge, GraphNode, GraphStateDictEntry, OtherNode } from './schema.js';
import { edgeSchema, graphSchema, nodeSchema, otherNodeSchema, stateDictEntrySchema } from './schema.js';
import { addZodFaults } from './zod-faults.js';

/** A graph as far as it could be read. null stands for an item that does not satisfy its schema. */
export interface GraphDraft {
  readonly name: string;
  readonly nodes: readonly (GraphNode | OtherNode | null)[];
  /** Ids of all nodes, faulty ones included, so that an edge to a faulty node does not count as another fault. */
  readonly ids: readonly (string | null)[];
  readonly edges: readonly (GraphEdge | null)[];
  readonly stateDict: readonly (GraphStateDictEntry | null)[] | null;
}

// The arrays' items are read one by one, so that reading stops at the maximum number of faults.
const outlineSchema = graphSchema.extend({
  nodes: z.array(z.unknown()),
  edges: z.array(z.unknown()),
  state_dict: z.array(z.unknown()).optional(),
});

/**
 * Reads a graph with its schemas, and adds every fault. Parts without a fault can be checked further.
 * @throws ArchitectureError if nothing can be read: the input is not an object of arrays, or an array is longer than
 * its limit.
 */
export function readGraph(input: unknown, limits: Limits, faults: FaultList): GraphDraft {
  const outline = outlineSchema.safeParse(input);
  if (!outline.success) addZodFaults(faults, outline.error, input, []);
  const parts = isObject(input) ? input : {};
  const nodes = asArray(parts.nodes);
  const counts = [
    checkCount('nodes', nodes.length, limits, ['nodes'], faults),
    checkCount('edges', asArray(parts.edges).length, limits, ['edges'], faults),
    checkCount('tensors', asArray(parts.state_dict).length, limits, ['state_dict'], faults),
  ];
  if (counts.includes(true)) faults.throwIfAny();
  const draft: GraphDraft = {
    name: typeof parts.name === 'string' ? parts.name : '',
    nodes: readItems(nodes, nodeSchemaOf, 'nodes', faults),
    ids: nodes.map((node) => (isObject(node) && typeof node.id === 'string' ? node.id : null)),
    edges: readItems(asArray(parts.edges), () => edgeSchema, 'edges', faults),
    stateDict: Array.isArray(parts.state_dict)
      ? readItems(parts.state_dict, () => stateDictEntrySchema, 'state_dict', faults)
      : null,
  };
  if (!Array.isArray(parts.nodes) || !Array.isArray(parts.edges)) faults.throwIfAny();
  return draft;
}

function nodeSchemaOf(node: unknown): typeof nodeSchema | typeof otherNodeSchema {
  return isObject(node) && node.op === 'other' ? otherNodeSchema : nodeSchema;
}

function readItems<Schema extends z.ZodType>(
  items: readonly unknown[],
  schemaOf: (item: unknown) => Schema,
  key: string,
  faults: FaultList,
): (z.infer<Schema> | null)[] {
  return items.map((item, index) => {
    const result = schemaOf(item).safeParse(item);
    if (result.success) return result.data;
    addZodFaults(faults, result.error, item, [key, index]);
    return null;
  });
}
