import { z } from 'zod';
import { flag } from '../../layers/arguments.js';
import { sizeText } from '../../layers/size.js';
import { shortArray } from '../../schema.js';
import { kerasLayer, type Place } from '../layer.js';
import { faultUnsized } from '../size.js';

const AXIS = 'must be an axis, 0 being the batch';
const axis = z.int(AXIS);

const affine = {
  axis: z.union([axis, shortArray(axis, 1, 5, AXIS)], AXIS).default(-1),
  center: flag.default(true),
  scale: flag.default(true),
};

/** One bn node owns gain and bias (docs/ghn.md, section 1). */
const batchNormalization = kerasLayer(
  ['BatchNormalization', 'BatchNormalizationV1', 'BatchNormalizationV2', 'SyncBatchNormalization'],
  { ...affine, renorm: flag.nullish() },
  ({ axis, center, scale, renorm }, place) => {
    const { input, weights } = place;
    const features = featuresAlong(axis, place);
    const node = weights.norm('bn', features, { gamma: scale, beta: center }, input.node);
    weights.other('moving_mean', 'buffer', [features]);
    weights.other('moving_variance', 'buffer', [features]);
    if (renorm) {
      weights.other('moving_stddev', 'buffer', [features]);
      weights.other('renorm_mean', 'buffer', [features]);
      weights.other('renorm_stddev', 'buffer', [features]);
    }
    return { node, size: input.size };
  },
);

const layerNormalization = kerasLayer(
  'LayerNormalization',
  { ...affine, rms_scaling: flag.default(false) },
  ({ axis, center, scale }, place) => {
    const { input, weights } = place;
    const features = featuresAlong(axis, place);
    const node = weights.norm('ln', features, { gamma: scale, beta: center }, input.node);
    return { node, size: input.size };
  },
  {
    refuses: ({ axis, rms_scaling: isRms }) => {
      if (isRms) return 'a GHN has no operation for an RMS norm';
      const count = [axis].flat().length;
      return count > 1 ? `it is over ${count} axes; a GHN predicts norms over one` : null;
    },
  },
);

const moments = z.union([z.number(), z.array(z.unknown())]).nullish();

/** Its mean and variance were measured from data. They are buffers, or in the config. */
const normalization = kerasLayer(
  'Normalization',
  {
    axis: z
      .union([axis, shortArray(axis, 0, 5, AXIS)], AXIS)
      .nullable()
      .default(-1),
    mean: moments,
  },
  ({ axis, mean }, place) => {
    const { input, weights } = place;
    if (mean === undefined || mean === null) {
      const shape = [axis ?? []].flat().map((one) => featuresAlong(one, place));
      weights.other('mean', 'buffer', shape);
      weights.other('variance', 'buffer', shape);
      weights.other('count', 'buffer', []);
    }
    return { node: input.node, size: input.size };
  },
);

export const norms = [batchNormalization, layerNormalization, normalization];

/** The number of features along a norm's only axis. */
function featuresAlong(axes: number | readonly number[], place: Place): number {
  const { label, input, fault } = place;
  const [axis, ...others] = [axes].flat();
  const { size, giver } = input;
  if (axis === undefined) return 1;
  if (size === null) {
    faultUnsized(input, place);
    return 1;
  }
  const index = axis < 0 ? axis + size.length : axis - 1;
  if (others.length > 0)
    fault('axis', `${label} has ${others.length + 1} axes; a GHN predicts norms over one`);
  else if (index < 0 || index >= size.length) {
    fault(
      'axis',
      `${label} has the axis ${axis}, but ${giver} gives ${sizeText(size)}, axes 1 to ${size.length}`,
    );
  } else if (size[index] === null) {
    fault(
      'axis',
      `the weights of ${label} depend on the length of its axis, which is not known: give the whole input shape`,
    );
  }
  return size[index] ?? 1;
}
