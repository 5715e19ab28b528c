import { z } from 'zod';
import type { Op } from '../../architecture.js';
import { flag, naturalPair, pair, positive, positivePair } from '../arguments.js';
import { imageSize } from '../expect.js';
import { layerSchema, layerType } from '../layer-type.js';
import { slidingSize } from '../sliding.js';

const schema = layerSchema('Conv2d', {
  in_channels: positive,
  out_channels: positive,
  kernel_size: positivePair,
  stride: positivePair.default(1),
  padding: z
    .union(
      [naturalPair, z.enum(['same', 'valid'])],
      'must be an integer of 0 or more, two, "same" or "valid"',
    )
    .default(0),
  dilation: positivePair.default(1),
  groups: positive.default(1),
  bias: flag.default(true),
  padding_mode: z.enum(['zeros', 'reflect', 'replicate', 'circular']).default('zeros'),
});

/** A conv, sep_conv or dil_conv, and its bias (docs/ghn.md, section 1). */
export const conv2d = layerType(schema, (layer, { label, input, network, fault }) => {
  const { name, in_channels: inputs, out_channels: outputs, groups } = layer;
  const [kernel, stride, dilation] = [pair(layer.kernel_size), pair(layer.stride), pair(layer.dilation)];
  for (const [key, channels] of [
    ['in_channels', inputs],
    ['out_channels', outputs],
  ] as const) {
    if (channels % groups !== 0)
      fault(key, `${channels} ${key} of ${label} cannot be divided into ${groups} groups`);
  }
  if (layer.padding === 'same' && stride.some((step) => step > 1)) {
    fault('padding', `${label} cannot have padding "same" with a stride over 1`);
  }
  const size = imageSize(input, inputs, 'in_channels', { label, fault });
  const isSame = layer.padding === 'same';
  const padding = pair(typeof layer.padding === 'string' ? 0 : layer.padding);
  const sides = isSame
    ? size.slice(1)
    : slidingSize(size, { kernel, stride, padding, dilation }, input, { label, fault });

  const op: Op = groups === 1 ? 'conv' : dilation.every((step) => step > 1) ? 'dil_conv' : 'sep_conv';
  const weight = { name: `${name}.weight`, shape: [outputs, Math.ceil(inputs / groups), ...kernel] };
  const node = network.addWeight(op, name, weight, [input.node]);
  const output = layer.bias ? network.addBias({ name: `${name}.bias`, shape: [outputs] }, node) : node;
  return { node: output, size: [outputs, ...sides] };
});
