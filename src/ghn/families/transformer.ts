import type { Matrix } from '../../engine/engine.js';
import type { GhnConfig } from '../config.js';
import type { Encoder } from '../encoder.js';
import { type Facts, MAX_COUNTED } from '../facts.js';
import type { LayoutBuilder } from '../layout-builder.js';
import type { Loader } from '../loader.js';
import { attentionBiasTable, TransformerEncoder } from '../transformer-encoder.js';

/** The number of rows in the table of distances between nodes. */
const EDGES = 257;

const PROJECTION = 'gnn.0.attn.proj_e.2.weight';

/** The sizes of GHN-3's encoder, which LoGAH shares (docs/ghn.md, section 3). */
export function inferTransformer(facts: Facts): Pick<GhnConfig, 'layers' | 'heads'> {
  const { declared } = facts;
  let layers = 0;
  while (facts.shapes.has(`gnn.${layers}.ln1.weight`)) layers++;
  return {
    layers: facts.size(
      'layers',
      declared.layers,
      layers || undefined,
      'the number of gnn.N.ln1.weight',
      MAX_COUNTED,
    ),
    heads: facts.size('heads', declared.heads, facts.extent(PROJECTION, 0), PROJECTION),
  };
}

export function layOutTransformer(layout: LayoutBuilder, { hidden: d, layers, heads }: GhnConfig): void {
  layout.tensor('gnn.0.attn.edge_embed.embed.weight', EDGES, d);
  layout.linear('gnn.0.attn.proj_e.0', d, 2 * d);
  layout.linear('gnn.0.attn.proj_e.2', heads, d);
  for (let layer = 0; layer < layers; layer++) {
    layout.norm(`gnn.${layer}.ln1`, d);
    layout.tensor(`gnn.${layer}.attn.to_qkv.weight`, 3 * d, d);
    layout.linear(`gnn.${layer}.attn.to_out.0`, d, d);
    layout.norm(`gnn.${layer}.ln2`, d);
    layout.linear(`gnn.${layer}.ff.net.0`, 4 * d, d);
    layout.linear(`gnn.${layer}.ff.net.3`, d, 4 * d);
  }
}

export async function loadTransformer<M extends Matrix>(
  loader: Loader<M>,
  { hidden, layers, heads, maxHops }: GhnConfig,
): Promise<Encoder<M>> {
  const { engine } = loader;
  const table = await attentionBiasTable(
    engine,
    loader.embedding('gnn.0.attn.edge_embed.embed'),
    [loader.linear('gnn.0.attn.proj_e.0'), loader.linear('gnn.0.attn.proj_e.2')],
    maxHops,
  );
  const transformerLayers = Array.from({ length: layers }, (_, layer) => ({
    attentionNorm: loader.norm(`gnn.${layer}.ln1`),
    toQkv: { weight: loader.matrix(`gnn.${layer}.attn.to_qkv.weight`), bias: null },
    toOut: loader.linear(`gnn.${layer}.attn.to_out.0`),
    feedForwardNorm: loader.norm(`gnn.${layer}.ln2`),
    widen: loader.linear(`gnn.${layer}.ff.net.0`),
    narrow: loader.linear(`gnn.${layer}.ff.net.3`),
  }));
  const encoder = new TransformerEncoder(engine, transformerLayers, heads, table, maxHops);
  await encoder.prepare();
  return async (input, distances, nodes, signal) =>
    encoder.encode(await engine.input(input, nodes, hidden), distances, signal);
}

export function transformerWork(nodes: number, { hidden, layers, heads }: GhnConfig): number {
  return layers * nodes * (24 * hidden * hidden + nodes * (4 * hidden + 20 * heads));
}
