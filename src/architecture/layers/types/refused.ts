const TRANSPOSED = 'a GHN has no operation for transposed convolutions; use Upsample and Conv2d';
const OTHER_RANK = 'a GHN knows images, so only two-dimensional layers; use the 2d one';
const RECURRENT = 'a GHN’s graphs have no cycles and no operation for recurrent layers';
const OTHER_NORM =
  'the only norms that a GHN knows are batch and layer norms; use BatchNorm2d, LayerNorm or LayerNorm2d';
const TABLE = 'the only embeddings that a GHN knows are position embeddings; use PositionEmbedding';

/** Common PyTorch layers that cannot be predicted, with the reason. */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ['ConvTranspose1d', TRANSPOSED],
  ['ConvTranspose2d', TRANSPOSED],
  ['ConvTranspose3d', TRANSPOSED],
  ['Conv1d', OTHER_RANK],
  ['Conv3d', OTHER_RANK],
  ['MaxPool1d', OTHER_RANK],
  ['MaxPool3d', OTHER_RANK],
  ['AvgPool1d', OTHER_RANK],
  ['AvgPool3d', OTHER_RANK],
  ['BatchNorm3d', OTHER_RANK],
  ['GroupNorm', OTHER_NORM],
  ['InstanceNorm1d', OTHER_NORM],
  ['InstanceNorm2d', OTHER_NORM],
  ['RMSNorm', OTHER_NORM],
  ['RNN', RECURRENT],
  ['LSTM', RECURRENT],
  ['GRU', RECURRENT],
  ['Embedding', TABLE],
  ['Bilinear', 'a GHN has no operation for products of two inputs; use Concat and a Linear'],
]);
