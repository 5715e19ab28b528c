import { z } from 'zod';
import { nameSchema, shortArray, strictObject, tensorNameSchema } from '../schema.js';
import type { Network } from './network.js';
import type { Size } from './size.js';

/** A layer's output: its node and its size. */
export interface Value {
  /** The graph node that produces it, with no other node in between. */
  readonly node: number;
  /** null if unknown. */
  readonly size: Size | null;
  /** The layer that gives the value, as messages name it: `Conv2d "conv1"`. */
  readonly giver: string;
}

/** A layer's surroundings in the network, for placing it there. */
export interface Place {
  /** The layer as messages call it. */
  readonly label: string;
  /** The first input, for the many layers that have one. */
  readonly input: Value;
  readonly inputs: readonly Value[];
  readonly network: Network;
  /** Adds a fault at a key of the layer, or at the layer itself. */
  readonly fault: (key: string | null, message: string) => void;
}

/** A layer's output. The size is null if it is unknown, for example after a fault. */
export interface Output {
  readonly node: number;
  readonly size: Size | null;
}

/** A layer that satisfies its type's schema, ready to be put into a network. */
export interface ReadLayer {
  readonly inputs: readonly string[] | undefined;
  readonly place: (place: Place) => Output;
}

/** One of the layer types that a request can use. */
export interface LayerType {
  readonly type: string;
  readonly schema: z.ZodObject<{ type: z.ZodLiteral<string> }>;
  readonly severalInputs: boolean;
  readonly read: (layer: unknown) => ReadLayer | z.ZodError;
}

/** More inputs than any real layer has: those of a DenseNet have dozens. */
export const MAX_INPUTS = 1000;

/** The schema of a layer type: PyTorch's arguments, a name, and where its input comes from. */
export function layerSchema<Type extends string, Arguments extends z.ZodRawShape>(
  type: Type,
  args: Arguments,
) {
  return strictObject(`a ${type}`, {
    name: tensorNameSchema.meta({
      description: 'Unique among the layers. The names of the layer’s tensors begin with it',
    }),
    type: z.literal(type),
    inputs: shortArray(nameSchema, 1, MAX_INPUTS, `names 1 to ${MAX_INPUTS} layers`).optional().meta({
      description:
        'Names of earlier layers whose outputs this layer takes, or "input". Default: the previous layer',
    }),
    ...args,
  }).meta({ id: type, title: type });
}

type AnyLayerSchema = LayerType['schema'] & z.ZodType<{ name: string; inputs?: string[] | undefined }>;

/** Makes a layer type from its schema and a function that adds the layer to a network. */
export function layerType<Schema extends AnyLayerSchema>(
  schema: Schema,
  place: (layer: z.output<Schema>, place: Place) => Output,
  { severalInputs = false } = {},
): LayerType {
  return {
    type: schema.shape.type.value,
    schema,
    severalInputs,
    read: (layer) => {
      const result = schema.safeParse(layer);
      if (!result.success) return result.error;
      return { inputs: result.data.inputs, place: (where) => place(result.data, where) };
    },
  };
}
