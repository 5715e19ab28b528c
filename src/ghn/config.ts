import * as z from 'zod';

/** The config of a GHN, which is everything except its weights (docs/ghn.md, sections 2 to 6). */
export interface GhnConfig {
  /** The name of its family. */
  readonly family: string;
  /** d, the size of a node's state. */
  readonly hidden: number;
  /** L of a GHN-3. 1 for a GHN-2, which makes one pass forward and one backward. */
  readonly layers: number;
  /** H of a GHN-3. 0 for a GHN-2, which has no attention. */
  readonly heads: number;
  /** C, the number of different outputs, and of different inputs, of a decoded kernel. */
  readonly channels: number;
  /** S, the height and width of a decoded kernel. */
  readonly spatial: number;
  /** K, the number of classes of a decoded classifier. */
  readonly numClasses: number;
  /** True if predicted tensors are normalised. */
  readonly weightNorm: boolean;
  /** True if a LayerNorm follows the encoder. */
  readonly layerNorm: boolean;
  /** The number of rows in the embedding of operations. */
  readonly ops: number;
  /** The longest distance between nodes that the encoder distinguishes. */
  readonly maxHops: number;
  /** Sizes of vocabularies that the table of channels contains in addition to the usual ones. */
  readonly vocabularies: readonly number[];
  /** Values that only the GHN's family interprets. */
  readonly details: Readonly<Record<string, number | string | boolean | null>>;
}

const Count = z.int().positive();

/** The parts of a checkpoint's config that all families have. A family reads other values itself. */
export const DeclaredConfig = z.object({
  max_shape: z.tuple([Count, Count, Count, Count]).optional(),
  num_classes: Count.optional(),
  hid: Count.optional(),
  heads: Count.optional(),
  layers: Count.optional(),
  weight_norm: z.boolean().optional(),
  ve: z.boolean().optional(),
  layernorm: z.boolean().optional(),
  hypernet: z.string().optional(),
  decoder: z.string().optional(),
  is_ghn2: z.boolean().optional(),
});

export type DeclaredConfig = z.infer<typeof DeclaredConfig>;

/** Settings of a GHN that its file does not contain: `GHN_CHECKPOINTS=id=path?name=value`. */
export type GhnOptions = Readonly<Record<string, string>>;
