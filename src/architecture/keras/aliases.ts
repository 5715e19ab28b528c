import type { Aliases } from '../nearest.js';

/** Keras' layer classes by their names in PyTorch. */
export const KERAS_ALIASES: Aliases = {
  linear: 'Dense',
  conv2d: 'Conv2D',
  batchnorm: 'BatchNormalization',
  batchnorm1d: 'BatchNormalization',
  batchnorm2d: 'BatchNormalization',
  layernorm: 'LayerNormalization',
  relu: 'ReLU',
  relu6: 'ReLU',
  maxpool2d: 'MaxPooling2D',
  avgpool2d: 'AveragePooling2D',
  adaptiveavgpool2d: 'GlobalAveragePooling2D',
  adaptivemaxpool2d: 'GlobalMaxPooling2D',
  concat: 'Concatenate',
  cat: 'Concatenate',
  upsample: 'UpSampling2D',
  zeropad2d: 'ZeroPadding2D',
  multiheadattention: 'MultiHeadAttention',
  silu: 'Activation',
  gelu: 'Activation',
  sigmoid: 'Activation',
  tanh: 'Activation',
  swish: 'Activation',
};
