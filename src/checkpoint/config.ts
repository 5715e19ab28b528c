import * as z from 'zod';

/** What a GHN is, beyond its weights (docs/ghn.md, sections 2 to 6). */
export interface GhnConfig {
  readonly family: 'ghn2' | 'ghn3';
  /** d, a node's state. */
  readonly hidden: number;
  /** L of a GHN-3; 1 for a GHN-2, which passes forward and backward once. */
  readonly layers: number;
  /** H of a GHN-3; 0 for a GHN-2, which has no attention. */
  readonly heads: number;
  /** C, the inputs and outputs of a decoded kernel. */
  readonly channels: number;
  /** S, the height and width of a decoded kernel. */
  readonly spatial: number;
  /** K, the classes of a decoded classifier. */
  readonly numClasses: number;
  /** Whether predicted tensors are normalised. */
  readonly weightNorm: boolean;
  /** Whether a LayerNorm follows the encoder. */
  readonly layerNorm: boolean;
}

const Count = z.int().positive();

/** A hundred times what the largest published GHN has, of whatever; a file can claim more in a few bytes. */
const MAX_SIZE = 1_000_000;

/** Of layers and of a kernel's side, with which what a GHN has is counted out; the published ones have 24 and 16. */
const MAX_COUNTED = 1000;

/** The config of a checkpoint, as far as it says what is to be computed; what else it holds is passed over. */
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

type Shapes = ReadonlyMap<string, readonly number[]>;

/** A config whose sizes are NaN where neither the tensors nor the declaration say them, with what does not fit. */
export interface Inference {
  readonly config: GhnConfig;
  readonly faults: string[];
}

/**
 * Says what a GHN is from its tensors' shapes, and checks what its config declares against them. The tensors decide: a
 * size that the config has otherwise is a fault.
 */
export function inferConfig(shapes: Shapes, declared: DeclaredConfig): Inference {
  const faults: string[] = [];
  const family = [...shapes.keys()].some((name) => name.startsWith('gnn.gru.')) ? 'ghn2' : 'ghn3';
  const size = (
    key: string,
    declaredSize: number | undefined,
    inferred: number | undefined,
    from: string,
    max = MAX_SIZE,
  ): number => {
    if (inferred !== undefined && declaredSize !== undefined && inferred !== declaredSize) {
      faults.push(`the config says ${key} = ${declaredSize}, ${from} says ${inferred}`);
    }
    const found = inferred ?? declaredSize ?? Number.NaN;
    if (found >= 1 && found <= max) return found;
    if (!Number.isNaN(found)) faults.push(`${key} = ${found}, 1 to ${max} expected`);
    return Number.NaN;
  };
  const extent = (name: string, dimension: number): number | undefined => shapes.get(name)?.[dimension];
  const root = (name: string, divisor: number): number | undefined => {
    const rows = extent(name, 0);
    if (rows === undefined || Number.isNaN(divisor)) return undefined;
    const side = Math.sqrt(rows / divisor);
    if (Number.isInteger(side)) return side;
    faults.push(
      `${name} has ${rows} rows, ${divisor === 1 ? 'a square' : `${divisor} times a square`} expected`,
    );
    return undefined;
  };

  const hidden = size('hid', declared.hid, extent('embed.weight', 1), 'embed.weight');
  const [outputs, inputs, height, width] = declared.max_shape ?? [];
  if (outputs !== inputs || height !== width) {
    faults.push(
      `the config says max_shape = [${declared.max_shape}], expected two equal channels and a square`,
    );
  }
  const isGhn3 = family === 'ghn3';
  checkVariant(family, declared, faults);
  const layerNorm = shapes.has('ln.weight');
  if (declared.layernorm !== undefined && declared.layernorm !== layerNorm) {
    faults.push(
      `the config says layernorm = ${declared.layernorm}, but there is ${layerNorm ? 'an' : 'no'} ln.weight`,
    );
  }
  const proj = 'gnn.0.attn.proj_e.2.weight';
  return {
    faults,
    config: {
      family,
      hidden,
      layers: isGhn3
        ? size('layers', declared.layers, countLayers(shapes), 'the number of gnn.N.ln1.weight', MAX_COUNTED)
        : 1,
      heads: isGhn3 ? size('heads', declared.heads, extent(proj, 0), proj) : 0,
      channels: size('max_shape[0]', outputs, root('decoder.conv.2.weight', 1), 'decoder.conv.2.weight'),
      spatial: size(
        'max_shape[2]',
        height,
        root('decoder.fc.0.weight', 4 * hidden),
        'decoder.fc.0.weight',
        MAX_COUNTED,
      ),
      numClasses: size(
        'num_classes',
        declared.num_classes,
        extent('decoder.class_layer_predictor.1.weight', 0),
        'decoder.class_layer_predictor.1.weight',
      ),
      weightNorm: declared.weight_norm ?? true,
      layerNorm,
    },
  };
}

/** Only what the two families are: GHN-1, without virtual edges, and other encoders and decoders compute otherwise. */
function checkVariant(family: GhnConfig['family'], declared: DeclaredConfig, faults: string[]): void {
  const { ve, decoder, hypernet, is_ghn2 } = declared;
  if (ve === false) faults.push('the config says ve = false, only GHNs with virtual edges are supported');
  if (decoder !== undefined && decoder !== 'conv') {
    faults.push(`the config says decoder = ${JSON.stringify(decoder)}, only "conv" is supported`);
  }
  if (family === 'ghn2' && hypernet !== undefined && hypernet !== 'gatedgnn') {
    faults.push(
      `the config says hypernet = ${JSON.stringify(hypernet)}, only "gatedgnn" is supported for a GHN-2`,
    );
  }
  if (is_ghn2 !== undefined && is_ghn2 !== (family === 'ghn2')) {
    faults.push(
      `the config says is_ghn2 = ${is_ghn2}, the tensors are a ${family === 'ghn2' ? 'GHN-2' : 'GHN-3'}'s`,
    );
  }
}

function countLayers(shapes: Shapes): number | undefined {
  let layers = 0;
  while (shapes.has(`gnn.${layers}.ln1.weight`)) layers++;
  return layers || undefined;
}
