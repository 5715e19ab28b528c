import * as z from 'zod';
import { MAX_HOPS } from '../../../architecture/distances.js';
import type { Matrix } from '../../../engine/engine.js';
import { elements } from '../../../tensor/tensor.js';
import type { GhnConfig } from '../../config.js';
import type { Facts } from '../../facts.js';
import type { LayoutBuilder } from '../../layout-builder.js';
import type { Loader } from '../../loader.js';
import { channelTable, spatialTable } from '../../shape-tables.js';
import type { Family, FamilyConfig } from '../family.js';
import { OPS } from '../kernel.js';
import { inferTransformer, layOutTransformer, loadTransformer, transformerWork } from '../transformer.js';
import { LowRankDecoder } from './decoder.js';
import { LANGUAGE_NORMALISATIONS, type LanguageNormalisation } from './normalise.js';
import { cutOf, fits, type LowRankShape, rowsNeeded } from './shape.js';

/** The number of operations in files for language models since July 2024, which add rmsnorm, rot_emb and gate. */
const LANGUAGE_OPS = OPS + 3;

/** The longest distance in the graph of a language model. GPT-2-Large reaches 78, and the table has room for 254. */
const LANGUAGE_MAX_HOPS = 250;

/** The number of classes if the config gives none. */
const DEFAULT_CLASSES = 10;

/** The authors' default: Q = 16·M. */
const ROWS_PER_CHANNEL = 16;

/** The values of S in trained GHNs. The larger comes first, since all the authors' LoGAHs have it. */
const SPATIAL_SIZES = [16, 11];

/** Possible vocabularies in a table of channels, which make it longer by one row each (docs/logah.md, section 2). */
const VOCABULARIES: readonly (readonly number[])[] = [[], [50257], [50257, 50304], [32000, 50257, 50304]];

/** A second name of l2 and an unused layer, then placeholders that contain one number. */
const UNUSED = /^decoder\.(?:seq\.1|l1)\.|^decoder_1d\.0\./;
const PLACEHOLDER = /^bias_class\.1\./;

const FACTOR = 'decoder.l2.weight';

const Declared = z.object({
  lora_r: z.int().positive().optional(),
  max_ck_lora: z.int().positive().optional(),
});

interface Details extends Readonly<Record<string, number | string | boolean | null>> {
  readonly rank: number;
  readonly factorRows: number;
  readonly decodesVectors: boolean;
  readonly language: LanguageNormalisation | null;
}

const detailsOf = ({ details }: GhnConfig): Details => details as Details;

const sizesOf = (config: GhnConfig): LowRankShape => ({
  rank: detailsOf(config).rank,
  factorRows: detailsOf(config).factorRows,
  channels: config.channels,
});

/** LoGAH (Zhou et al., 2024): GHN-3 with a low-rank decoder, for wide transformers. */
export const LOGAH = {
  name: 'logah',
  title: 'LoGAH',
  options: { normalize: LANGUAGE_NORMALISATIONS },
  recognises: (tensors) => tensors.has(FACTOR),
  isUnused: (name, shape) =>
    UNUSED.test(name) || (PLACEHOLDER.test(name) && shape.every((extent) => extent === 1)),
  infer,
  layOut(layout, config) {
    layOutTransformer(layout, config);
    layOutDecoder(layout, config);
  },
  hasCentrality: true,
  loadEncoder: loadTransformer,
  loadDecoder,
  repeatsClasses: false,
  refusal({ shape, role }, config) {
    if (fits(shape, role, sizesOf(config))) return null;
    return `is larger than this LoGAH's factors of ${detailsOf(config).factorRows} rows allow`;
  },
  encoderWork: transformerWork,
  decodedSize({ shape, role }, config) {
    const sizes = sizesOf(config);
    const needed = rowsNeeded(cutOf(shape, role, sizes));
    const [first, second = 1, ...rest] = shape;
    const block =
      shape.length === 3
        ? { outputs: 1, inputs: shape[2], rest: shape[1] }
        : {
            outputs: Math.min(first, config.channels),
            inputs: Math.min(second, config.channels),
            rest: elements(rest),
          };
    // The two factors and their product take r multiplications for each entry.
    const entries = (needed.a + needed.b) * sizes.rank + needed.a * needed.b;
    return { ...block, places: 0, products: (entries * sizes.rank) / (8 * config.hidden) };
  },
} as const satisfies Family;

function infer(facts: Facts): FamilyConfig {
  const { declared } = facts;
  const own = facts.declares(Declared);
  const rank = facts.size('lora_r', own?.lora_r, facts.extent(FACTOR, 1), FACTOR);
  const factorRows = facts.size('max_ck_lora', own?.max_ck_lora, facts.extent(FACTOR, 0), FACTOR);
  const [channels, , spatial] = declared.max_shape ?? [];
  const numClasses = declared.num_classes ?? DEFAULT_CLASSES;
  const ops = facts.extent('embed.weight', 0) ?? OPS;
  if (ops !== OPS && ops !== LANGUAGE_OPS) {
    facts.fault(`embed.weight has ${ops} rows, ${OPS} or ${LANGUAGE_OPS} expected`);
  }
  const rows = facts.extent('shape_enc.embed_channel.weight', 0);
  const vocabularies = VOCABULARIES[(rows ?? 0) - 1 - channelTable(numClasses).length] ?? [];
  const isLanguage = ops === LANGUAGE_OPS || vocabularies.length > 0;
  if (declared.is_ghn2) facts.fault("the config says is_ghn2 = true, the tensors are a LoGAH's");
  if (facts.options.normalize !== undefined && !isLanguage) {
    facts.fault('normalize is set, which only LoGAHs for language models have');
  }
  const spatialRows = facts.extent('shape_enc.embed_spatial.weight', 0);
  const details: Details = {
    rank,
    factorRows,
    decodesVectors: facts.shapes.has('decoder_1d.fc.0.weight'),
    language: isLanguage
      ? ((facts.options.normalize as LanguageNormalisation | undefined) ?? LANGUAGE_NORMALISATIONS[0])
      : null,
  };
  return {
    ...inferTransformer(facts),
    channels: facts.size(
      'max_shape[0]',
      channels ?? Math.max(1, Math.floor(factorRows / ROWS_PER_CHANNEL)),
      undefined,
      FACTOR,
    ),
    spatial: facts.size(
      'max_shape[2]',
      spatial,
      SPATIAL_SIZES.find((size) => spatialTable(size).length + 1 === spatialRows),
      'shape_enc.embed_spatial.weight',
    ),
    numClasses,
    ops,
    maxHops: isLanguage ? LANGUAGE_MAX_HOPS : MAX_HOPS,
    vocabularies,
    details,
  };
}

function layOutDecoder(layout: LayoutBuilder, config: GhnConfig): void {
  const { hidden: d, numClasses: K } = config;
  const { rank: r, factorRows: Q, decodesVectors } = detailsOf(config);
  layout.linear('decoder.mlp.fc.0', 4 * d, d);
  layout.linear('decoder.mlp.fc.2', 8 * d, 4 * d);
  layout.linear('decoder.mlp.fc.4', 2 * r * r, 8 * d);
  layout.linear('decoder.l2', Q, r);
  if (!decodesVectors) return;
  const half = Math.floor(d / 2);
  layout.linear('decoder_1d.fc.0', 2 * d, d);
  layout.linear('decoder_1d.fc.2', 2 * half, 2 * d);
  layout.linear('bias_class.1', K, half);
}

function loadDecoder<M extends Matrix>(loader: Loader<M>, config: GhnConfig): LowRankDecoder<M> {
  const { decodesVectors, language } = detailsOf(config);
  const { hidden, weightNorm } = config;
  const weights = {
    perceptron: [loader.linear('decoder.mlp.fc.0'), loader.linear('decoder.mlp.fc.2')] as const,
    matrix: loader.linearByRows('decoder.mlp.fc.4'),
    widen: loader.linearByRows('decoder.l2'),
    vectors: decodesVectors
      ? {
          vector: [loader.linear('decoder_1d.fc.0'), loader.linear('decoder_1d.fc.2')] as const,
          classifierBias: loader.linear('bias_class.1'),
        }
      : null,
  };
  return new LowRankDecoder(loader.engine, weights, { ...sizesOf(config), hidden, weightNorm, language });
}
