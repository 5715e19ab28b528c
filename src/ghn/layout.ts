import type { GhnConfig } from './config.js';
import { familyOf } from './families/index.js';
import { type Layout, LayoutBuilder } from './layout-builder.js';
import { channelTable, spatialTable } from './shape-tables.js';

/** The number of degrees, 0 to 100. */
const CENTRALITIES = 101;
/** The number of distances from the input, 0 to 1,000. */
const INPUT_DISTANCES = 1001;

/** Top-level names that training scripts save inside the first layer. */
const FIRST_LAYER_TABLES =
  /^gnn\.0\.((?:centrality_embed_in|centrality_embed_out|input_dist_embed)\.weight)$/;

/** Prefixes that DataParallel, torch.compile and training frameworks add to every name. */
const WRAPPERS = /^(?:(?:module|_orig_mod|model)\.)+/;

/** Tensors that no prediction uses, with the reason. */
const UNUSED = new Map([
  ['shape_enc.dummy_ind', 'a buffer with the row of "no shape", which is the tables\' last'],
]);

/** The service's name for a tensor; null if no prediction uses the tensor. */
export function canonicalName(name: string): string | null {
  const bare = name.replace(WRAPPERS, '').replace(FIRST_LAYER_TABLES, '$1');
  return UNUSED.has(bare) ? null : bare;
}

/** Removes the 1×1 kernel of GHN-2's linear maps, which are saved as convolutions. */
export function canonicalShape(shape: readonly number[]): readonly number[] {
  return shape.length === 4 && shape[2] === 1 && shape[3] === 1 ? shape.slice(0, 2) : shape;
}

/** Exactly the tensors that a GHN has (docs/ghn.md, sections 2 to 6). */
export function expectedLayout(config: GhnConfig): Layout {
  const { hidden: d, spatial: S, numClasses: K, vocabularies } = config;
  const family = familyOf(config);
  const builder = new LayoutBuilder();
  builder.tensor('embed.weight', config.ops, d);
  const channels = rowsOf((classes) => channelTable(classes, vocabularies), K);
  builder.tensor('shape_enc.embed_channel.weight', channels, d / 4);
  builder.tensor('shape_enc.embed_spatial.weight', rowsOf(spatialTable, S), d / 4);
  if (family.hasCentrality) {
    builder.tensor('centrality_embed_in.weight', CENTRALITIES, d);
    builder.tensor('centrality_embed_out.weight', CENTRALITIES, d);
    builder.tensor('input_dist_embed.weight', INPUT_DISTANCES, d);
  }
  if (config.layerNorm) builder.norm('ln', d);
  family.layOut(builder, config);
  return builder.layout;
}

/** Compares tensors with the expected layout and returns the faults. A size of NaN is unknown and fits anything. */
export function layoutFaults(found: ReadonlyMap<string, readonly number[]>, config: GhnConfig): string[] {
  const expected = expectedLayout(config);
  const faults: string[] = [];
  const { hidden: d, heads } = config;
  if (d % 4) faults.push(`hid = ${d} is not divisible by 4, which the shape embedding needs`);
  if (heads > 0 && d % heads) faults.push(`hid = ${d} is not divisible by the ${heads} heads`);
  for (const [name, shape] of expected) {
    const actual = found.get(name);
    if (!actual) faults.push(`${name} ${shown(shape)} is missing`);
    else if (actual.length !== shape.length || shape.some((n, i) => !Number.isNaN(n) && n !== actual[i])) {
      faults.push(`${name} has shape ${shown(actual)}, ${shown(shape)} expected`);
    }
  }
  const { title } = familyOf(config);
  for (const [name, shape] of found) {
    if (!expected.has(name))
      faults.push(`${JSON.stringify(name)} ${shown(shape)} is not a tensor of a ${title}`);
  }
  return faults;
}

function shown(shape: readonly number[]): string {
  return `[${shape.map((n) => (Number.isNaN(n) ? '?' : n)).join(', ')}]`;
}

/**
 * The number of rows of an embedding: one for each value of a table, and one more for "no shape". NaN if the table's
 * size is unknown.
 */
function rowsOf(table: (size: number) => readonly number[], size: number): number {
  return Number.isNaN(size) ? Number.NaN : table(size).length + 1;
}
