import type { Checkpoint, Weight } from '../checkpoint/checkpoint.js';
import type { Engine, Linear, Matrix } from '../engine/engine.js';
import type { DecoderWeights } from './decoder/decoder.js';
import type { GatedWeights, HostLinear } from './gated-encoder.js';
import { type Encoder, Ghn } from './ghn.js';
import type { Embedding, NodeEmbeddings } from './node-input.js';
import { attentionBiasTable, type Norm, TransformerEncoder } from './transformer-encoder.js';
import { transposeRows } from './transpose-rows.js';

/**
 * Gives a checkpoint's weights to an engine. Each is taken out of the checkpoint as it goes, so that no more than one
 * of them exists twice: the checkpoint is used up.
 */
export async function loadGhn<M extends Matrix>(
  { config, weights }: Checkpoint,
  engine: Engine<M>,
): Promise<Ghn<M>> {
  const loader = new Loader(engine, weights);
  const embeddings: NodeEmbeddings = {
    op: loader.embedding('embed'),
    channel: loader.embedding('shape_enc.embed_channel'),
    spatial: loader.embedding('shape_enc.embed_spatial'),
    centrality:
      config.family === 'ghn3'
        ? {
            in: loader.embedding('centrality_embed_in'),
            out: loader.embedding('centrality_embed_out'),
            inputDistance: loader.embedding('input_dist_embed'),
          }
        : null,
  };
  const encoder: Encoder<M> =
    config.family === 'ghn3'
      ? { family: 'ghn3', transformer: await loadTransformer(loader, config.layers, config.heads) }
      : { family: 'ghn2', gated: loadGated(loader) };
  const finalNorm = config.layerNorm ? loader.norm('ln') : null;
  const decoder = loadDecoder(loader, config.spatial);
  await engine.settle?.();
  return new Ghn(engine, { embeddings, encoder, finalNorm, decoder }, config);
}

class Loader<M extends Matrix> {
  readonly engine: Engine<M>;
  readonly #weights: Map<string, Weight>;

  constructor(engine: Engine<M>, weights: Map<string, Weight>) {
    this.engine = engine;
    this.#weights = weights;
  }

  take(name: string): Weight {
    const weight = this.#weights.get(name);
    if (!weight) throw new Error(`the checkpoint has no tensor ${name}, which its layout promises`);
    this.#weights.delete(name);
    return weight;
  }

  embedding(name: string): Embedding {
    const { data, shape } = this.take(`${name}.weight`);
    return { data, rows: shape[0], columns: shape[1] };
  }

  /** A vector as a matrix of one row. */
  vector(name: string): M {
    const { data } = this.take(name);
    return this.engine.upload(data, 1, data.length);
  }

  norm(name: string): Norm<M> {
    return { gain: this.vector(`${name}.weight`), bias: this.vector(`${name}.bias`) };
  }

  matrix(name: string): M {
    const { data, shape } = this.take(name);
    return this.engine.upload(data, shape[0], shape[1]);
  }

  linear(name: string): Linear<M> {
    return { weight: this.matrix(`${name}.weight`), bias: this.vector(`${name}.bias`) };
  }

  hostLinear(weight: string, bias: string): HostLinear {
    return { weight: this.take(weight).data, bias: this.take(bias).data };
  }
}

async function loadTransformer<M extends Matrix>(
  loader: Loader<M>,
  layers: number,
  heads: number,
): Promise<TransformerEncoder<M>> {
  const table = await attentionBiasTable(loader.engine, loader.embedding('gnn.0.attn.edge_embed.embed'), [
    loader.linear('gnn.0.attn.proj_e.0'),
    loader.linear('gnn.0.attn.proj_e.2'),
  ]);
  const transformerLayers = Array.from({ length: layers }, (_, layer) => ({
    attentionNorm: loader.norm(`gnn.${layer}.ln1`),
    toQkv: { weight: loader.matrix(`gnn.${layer}.attn.to_qkv.weight`), bias: null },
    toOut: loader.linear(`gnn.${layer}.attn.to_out.0`),
    feedForwardNorm: loader.norm(`gnn.${layer}.ln2`),
    widen: loader.linear(`gnn.${layer}.ff.net.0`),
    narrow: loader.linear(`gnn.${layer}.ff.net.3`),
  }));
  const encoder = new TransformerEncoder(loader.engine, transformerLayers, heads, table);
  await encoder.prepare();
  return encoder;
}

function loadGated<M extends Matrix>(loader: Loader<M>): GatedWeights {
  const perceptron = (name: string) =>
    [
      loader.hostLinear(`${name}.fc.0.weight`, `${name}.fc.0.bias`),
      loader.hostLinear(`${name}.fc.2.weight`, `${name}.fc.2.bias`),
    ] as const;
  return {
    gruInput: loader.hostLinear('gnn.gru.weight_ih', 'gnn.gru.bias_ih'),
    gruHidden: loader.hostLinear('gnn.gru.weight_hh', 'gnn.gru.bias_hh'),
    near: perceptron('gnn.mlp'),
    far: perceptron('gnn.mlp_ve'),
  };
}

function loadDecoder<M extends Matrix>(loader: Loader<M>, spatial: number): DecoderWeights<M> {
  const { engine } = loader;
  const { data: lastBias } = loader.take('decoder.conv.2.bias');
  return {
    plane: planeByPlace(loader, spatial),
    perceptron: [
      loader.linear('decoder.conv.0'),
      {
        weight: loader.matrix('decoder.conv.2.weight'),
        bias: engine.upload(lastBias, lastBias.length, 1),
      },
    ],
    classifier: loader.linear('decoder.class_layer_predictor.1'),
    vector: [loader.linear('decoder_1d.fc.0'), loader.linear('decoder_1d.fc.2')],
    classifierBias: loader.linear('bias_class.1'),
  };
}

/** decoder.fc.0 has its rows as [4d, S, S]; a kernel's window is side by side as [S, S, 4d]. */
function planeByPlace<M extends Matrix>(loader: Loader<M>, spatial: number): Linear<M> {
  const places = spatial * spatial;
  const upload = (name: string) => {
    const { data, shape } = loader.take(name);
    const [rows, columns = 1] = shape;
    transposeRows(data, rows / places, places, columns);
    return loader.engine.upload(data, rows, columns);
  };
  return { weight: upload('decoder.fc.0.weight'), bias: upload('decoder.fc.0.bias') };
}
