import type { Linear, Matrix } from '../../engine/engine.js';
import { elements } from '../../tensor/tensor.js';
import type { GhnConfig } from '../config.js';
import { Decoder, type DecoderWeights } from '../decoder/decoder.js';
import type { WindowPlace } from '../decoder/window.js';
import { type Facts, MAX_COUNTED } from '../facts.js';
import type { LayoutBuilder } from '../layout-builder.js';
import type { Loader } from '../loader.js';
import { isTokenSequence } from '../shape-tables.js';
import { transposeRows } from '../transpose-rows.js';
import type { DecodedSize, Family } from './family.js';

/** The number of rows in the embedding of operations. */
export const OPS = 15;

const CLASSES = 'decoder.class_layer_predictor.1.weight';

/** The sizes of the decoder that GHN-2 and GHN-3 share (docs/ghn.md, section 5). */
export function inferKernelDecoder(
  facts: Facts,
  hidden: number,
): Pick<GhnConfig, 'channels' | 'spatial' | 'numClasses' | 'ops' | 'vocabularies' | 'details'> {
  const { declared } = facts;
  const [channels, , spatial] = declared.max_shape ?? [];
  if (declared.decoder !== undefined && declared.decoder !== 'conv') {
    facts.fault(`the config says decoder = ${JSON.stringify(declared.decoder)}, only "conv" is supported`);
  }
  const last = 'decoder.conv.2.weight';
  const plane = 'decoder.fc.0.weight';
  return {
    channels: facts.size('max_shape[0]', channels, facts.root(last, 1), last),
    spatial: facts.size('max_shape[2]', spatial, facts.root(plane, 4 * hidden), plane, MAX_COUNTED),
    numClasses: facts.size('num_classes', declared.num_classes, facts.extent(CLASSES, 0), CLASSES),
    ops: OPS,
    vocabularies: [],
    details: {},
  };
}

export function layOutKernelDecoder(layout: LayoutBuilder, config: GhnConfig): void {
  const { hidden: d, channels: C, spatial: S, numClasses: K } = config;
  layout.linear('decoder.fc.0', 4 * d * S * S, d);
  layout.linear('decoder.conv.0', 8 * d, 4 * d);
  layout.linear('decoder.conv.2', C * C, 8 * d);
  layout.linear('decoder.class_layer_predictor.1', K, C);
  layout.linear('decoder_1d.fc.0', 2 * d, d);
  layout.linear('decoder_1d.fc.2', 2 * C, 2 * d);
  layout.linear('bias_class.1', K, C);
}

export function loadKernelDecoder<M extends Matrix>(
  loader: Loader<M>,
  config: GhnConfig,
  windowPlace: WindowPlace,
): Decoder<M> {
  const weights: DecoderWeights<M> = {
    plane: planeByPlace(loader, config.spatial),
    perceptron: [loader.linear('decoder.conv.0'), loader.linearByRows('decoder.conv.2')],
    classifier: loader.linear('decoder.class_layer_predictor.1'),
    vector: [loader.linear('decoder_1d.fc.0'), loader.linear('decoder_1d.fc.2')],
    classifierBias: loader.linear('bias_class.1'),
  };
  return new Decoder(loader.engine, weights, { ...config, windowPlace });
}

/** The rows of decoder.fc.0 are in the order [4d, S, S]. In the order [S, S, 4d], the rows of a window are adjacent. */
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

/** The part of a tensor that the decoder computes. */
export const kernelSize: Family['decodedSize'] = (
  { shape, classifier },
  { channels, numClasses, spatial },
): DecodedSize => {
  const [first, second = 1, ...rest] = shape;
  if (isTokenSequence(shape)) {
    const [, tokens, width] = shape;
    const places = Math.min(tokens, spatial * spatial);
    const inputs = Math.min(width, channels);
    return { outputs: 1, inputs, rest: tokens, places, products: places * inputs };
  }
  const outputs = Math.min(first, classifier ? Math.max(numClasses, channels) : channels);
  const inputs = Math.min(second, channels);
  const places = rest.reduce((product, size) => product * Math.min(size, spatial), 1);
  return { outputs, inputs, rest: elements(rest), places, products: places * outputs * inputs };
};
