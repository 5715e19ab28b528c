import { channelTable, spatialTable } from '../ghn/shape-tables.js';
import type { GhnConfig } from './config.js';

/** A tensor's shape by its canonical name. */
export type Layout = Map<string, readonly number[]>;

const OPS = 15;
/** Degrees 0 to 100. */
const CENTRALITIES = 101;
/** Distances from the input, 0 to 1,000. */
const INPUT_DISTANCES = 1001;
/** Of distances between nodes; 53 are used. */
const EDGES = 257;

/** Top-level names that training scripts save under the first layer's. */
const FIRST_LAYER_TABLES =
  /^gnn\.0\.((?:centrality_embed_in|centrality_embed_out|input_dist_embed)\.weight)$/;

/** Tensors that no prediction uses, with the reason. */
const UNUSED = new Map([
  ['shape_enc.dummy_ind', 'a buffer with the row of "no shape", which is the tables\' last'],
]);

/** The name that the rest of the service knows a tensor by; null for a tensor that no prediction uses. */
export function canonicalName(name: string): string | null {
  const bare = name.replace(/^module\./, '').replace(FIRST_LAYER_TABLES, '$1');
  return UNUSED.has(bare) ? null : bare;
}

/** Without the 1×1 kernel that GHN-2's linear maps have as convolutions. */
export function canonicalShape(shape: readonly number[]): readonly number[] {
  return shape.length === 4 && shape[2] === 1 && shape[3] === 1 ? shape.slice(0, 2) : shape;
}

/** Every tensor that a GHN has, and none else (docs/ghn.md, sections 2 to 6). */
export function expectedLayout(config: GhnConfig): Layout {
  const { hidden: d, channels: C, spatial: S, numClasses: K } = config;
  const layout: Layout = new Map();
  const linear = (name: string, outputs: number, inputs: number) => {
    layout.set(`${name}.weight`, [outputs, inputs]);
    layout.set(`${name}.bias`, [outputs]);
  };
  const norm = (name: string) => {
    layout.set(`${name}.weight`, [d]);
    layout.set(`${name}.bias`, [d]);
  };
  layout.set('embed.weight', [OPS, d]);
  layout.set('shape_enc.embed_channel.weight', [rowsOf(channelTable, K), d / 4]);
  layout.set('shape_enc.embed_spatial.weight', [rowsOf(spatialTable, S), d / 4]);

  if (config.family === 'ghn2') {
    for (const name of ['gnn.mlp', 'gnn.mlp_ve']) {
      linear(`${name}.fc.0`, d / 2, d);
      linear(`${name}.fc.2`, d, d / 2);
    }
    for (const side of ['ih', 'hh']) {
      layout.set(`gnn.gru.weight_${side}`, [3 * d, d]);
      layout.set(`gnn.gru.bias_${side}`, [3 * d]);
    }
  } else {
    layout.set('centrality_embed_in.weight', [CENTRALITIES, d]);
    layout.set('centrality_embed_out.weight', [CENTRALITIES, d]);
    layout.set('input_dist_embed.weight', [INPUT_DISTANCES, d]);
    layout.set('gnn.0.attn.edge_embed.embed.weight', [EDGES, d]);
    linear('gnn.0.attn.proj_e.0', d, 2 * d);
    linear('gnn.0.attn.proj_e.2', config.heads, d);
    for (let layer = 0; layer < config.layers; layer++) {
      norm(`gnn.${layer}.ln1`);
      layout.set(`gnn.${layer}.attn.to_qkv.weight`, [3 * d, d]);
      linear(`gnn.${layer}.attn.to_out.0`, d, d);
      norm(`gnn.${layer}.ln2`);
      linear(`gnn.${layer}.ff.net.0`, 4 * d, d);
      linear(`gnn.${layer}.ff.net.3`, d, 4 * d);
    }
  }
  if (config.layerNorm) norm('ln');

  linear('decoder.fc.0', 4 * d * S * S, d);
  linear('decoder.conv.0', 8 * d, 4 * d);
  linear('decoder.conv.2', C * C, 8 * d);
  linear('decoder.class_layer_predictor.1', K, C);
  linear('decoder_1d.fc.0', 2 * d, d);
  linear('decoder_1d.fc.2', 2 * C, 2 * d);
  linear('bias_class.1', K, C);
  return layout;
}

/** What does not fit; sizes that are NaN are not known and fit anything. */
export function layoutFaults(found: ReadonlyMap<string, readonly number[]>, config: GhnConfig): string[] {
  const expected = expectedLayout(config);
  const faults: string[] = [];
  const { family, hidden: d, heads } = config;
  if (d % 4) faults.push(`hid = ${d} is not divisible by 4, which the shape embedding needs`);
  if (family === 'ghn3' && d % heads) faults.push(`hid = ${d} is not divisible by the ${heads} heads`);
  for (const [name, shape] of expected) {
    const actual = found.get(name);
    if (!actual) faults.push(`${name} ${shown(shape)} is missing`);
    else if (actual.length !== shape.length || shape.some((n, i) => !Number.isNaN(n) && n !== actual[i])) {
      faults.push(`${name} has shape ${shown(actual)}, ${shown(shape)} expected`);
    }
  }
  for (const [name, shape] of found) {
    if (!expected.has(name))
      faults.push(`${JSON.stringify(name)} ${shown(shape)} is not a tensor of a ${NAMES[family]}`);
  }
  return faults;
}

const NAMES = { ghn2: 'GHN-2', ghn3: 'GHN-3' };

function shown(shape: readonly number[]): string {
  return `[${shape.map((n) => (Number.isNaN(n) ? '?' : n)).join(', ')}]`;
}

/** Of an embedding over a table's values, with one row more for "no shape"; NaN where the table's size is not known. */
function rowsOf(table: (size: number) => readonly number[], size: number): number {
  return Number.isNaN(size) ? Number.NaN : table(size).length + 1;
}
