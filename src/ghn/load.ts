import type { Engine, Matrix } from '../engine/engine.js';
import type { Checkpoint } from './checkpoint.js';
import { familyOf } from './families/index.js';
import { Ghn } from './ghn.js';
import { Loader } from './loader.js';
import type { NodeEmbeddings } from './node-input.js';

/**
 * Moves a checkpoint's weights to an engine. Each weight is removed from the checkpoint when it is uploaded, so that at
 * most one exists twice. The checkpoint is empty afterwards.
 */
export async function loadGhn<M extends Matrix>(
  { config, weights }: Checkpoint,
  engine: Engine<M>,
): Promise<Ghn<M>> {
  const family = familyOf(config);
  const loader = new Loader(engine, weights);
  const embeddings: NodeEmbeddings = {
    op: loader.embedding('embed'),
    channel: loader.embedding('shape_enc.embed_channel'),
    spatial: loader.embedding('shape_enc.embed_spatial'),
    centrality: family.hasCentrality
      ? {
          in: loader.embedding('centrality_embed_in'),
          out: loader.embedding('centrality_embed_out'),
          inputDistance: loader.embedding('input_dist_embed'),
        }
      : null,
  };
  const encoder = await family.loadEncoder(loader, config);
  const finalNorm = config.layerNorm ? loader.norm('ln') : null;
  const decoder = family.loadDecoder(loader, config);
  await engine.settle?.();
  return new Ghn(engine, { embeddings, encoder, finalNorm, decoder }, config);
}
