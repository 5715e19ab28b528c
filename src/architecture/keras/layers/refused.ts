import { isObject } from '../../json.js';

const TRANSPOSED = 'a GHN has no operation for transposed convolutions; use UpSampling2D and Conv2D';
const OTHER_RANK = 'a GHN knows images, so only two-dimensional layers; use the 2D one';
const RECURRENT = 'a GHN’s graphs have no cycles and no operation for recurrent layers';
const OTHER_NORM =
  'the only norms that a GHN knows are batch and layer norms; use BatchNormalization or LayerNormalization';
const TABLE = 'a GHN has no operation for looking up rows of a table';
const LOCAL =
  'it has a kernel for every position, and a GHN predicts one kernel for all positions; use Conv2D';
const SPECTRUM = 'a GHN knows images; compute the spectrogram before the model';
const CODE = 'it is a program, not a layer: only its Python code knows its weights and sizes';
const OTHER_ATTENTION = 'the only attention that a GHN knows is MultiHeadAttention';
/** The reason for a custom class, even if it has the name of one of Keras' classes. */
export const OWN =
  'it is a custom class: only its Python code knows its weights and sizes; build it from Keras layers';

export const QUANTIZED =
  'its kernel is quantized, and a GHN predicts float ones; send the model as it was before quantize()';

/** Returns true if a layer's weights are integers, whose layout and scale differ from those of a float layer. */
export function isQuantized(config: unknown): boolean {
  if (!isObject(config)) return false;
  const { dtype, quantization_config: quantization } = config;
  const isPolicy = isObject(dtype) && String(dtype.class_name).startsWith('Quantized');
  return isPolicy || (quantization !== null && quantization !== undefined);
}

const WRAPPED = 'a GHN’s graphs cannot show how it uses the layer that it wraps; use the layer itself';

/** Common Keras layers that cannot be predicted, with the reason. */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ['Conv1DTranspose', TRANSPOSED],
  ['Conv2DTranspose', TRANSPOSED],
  ['Conv3DTranspose', TRANSPOSED],
  ['Conv1D', OTHER_RANK],
  ['Conv3D', OTHER_RANK],
  ['DepthwiseConv1D', OTHER_RANK],
  ['SeparableConv1D', OTHER_RANK],
  ['MaxPooling1D', OTHER_RANK],
  ['MaxPooling3D', OTHER_RANK],
  ['AveragePooling1D', OTHER_RANK],
  ['AveragePooling3D', OTHER_RANK],
  ['GlobalMaxPooling1D', OTHER_RANK],
  ['GlobalMaxPooling3D', OTHER_RANK],
  ['GlobalAveragePooling3D', OTHER_RANK],
  ['AdaptiveAveragePooling1D', OTHER_RANK],
  ['AdaptiveAveragePooling3D', OTHER_RANK],
  ['AdaptiveMaxPooling1D', OTHER_RANK],
  ['AdaptiveMaxPooling3D', OTHER_RANK],
  ['ZeroPadding1D', OTHER_RANK],
  ['ZeroPadding3D', OTHER_RANK],
  ['Cropping1D', OTHER_RANK],
  ['Cropping3D', OTHER_RANK],
  ['UpSampling3D', OTHER_RANK],
  ['UpSampling1D', OTHER_RANK],
  ['GroupNormalization', OTHER_NORM],
  ['SpectralNormalization', OTHER_NORM],
  ['RMSNormalization', OTHER_NORM],
  ['SimpleRNN', RECURRENT],
  ['LSTM', RECURRENT],
  ['GRU', RECURRENT],
  ['RNN', RECURRENT],
  ['ConvLSTM1D', RECURRENT],
  ['ConvLSTM2D', RECURRENT],
  ['ConvLSTM3D', RECURRENT],
  ['Bidirectional', RECURRENT],
  ['TimeDistributed', WRAPPED],
  ['Embedding', TABLE],
  ['ReversibleEmbedding', TABLE],
  ['DenseFeatures', TABLE],
  ['LocallyConnected1D', LOCAL],
  ['LocallyConnected2D', LOCAL],
  ['STFTSpectrogram', SPECTRUM],
  ['MelSpectrogram', SPECTRUM],
  ['GroupedQueryAttention', OTHER_ATTENTION],
  ['GroupQueryAttention', OTHER_ATTENTION],
  ['EinsumDense', 'its weight is not a matrix of outputs and inputs; use Dense'],
  ['Lambda', CODE],
  ['JaxLayer', CODE],
  ['FlaxLayer', CODE],
  ['TFSMLayer', CODE],
  ['TorchModuleWrapper', CODE],
]);
