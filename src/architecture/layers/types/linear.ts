import { flag, positive } from '../arguments.js';
import { featuresSize } from '../expect.js';
import { layerSchema, layerType } from '../layer-type.js';
import { sizeText } from '../size.js';

const schema = layerSchema('Linear', {
  in_features: positive,
  out_features: positive,
  bias: flag.default(true),
});

/**
 * A conv with two dimensions, and its bias. It works on the last dimension. If the input is an image of one pixel, such
 * as a global pool's output, it takes the channels, and no Flatten is needed.
 */
export const linear = layerType(schema, (layer, { label, input, network, fault }) => {
  const { name, in_features: inputs, out_features: outputs } = layer;
  let size = input.size;
  if (size?.length === 3 && size[1] === 1 && size[2] === 1) size = [size[0]!];
  if (size?.length === 3 && size[2] === null) {
    fault(null, `${label} needs a Flatten before it: ${input.giver} gives an image, ${sizeText(size)}`);
    size = [null];
  }
  const taken = featuresSize({ ...input, size }, inputs, 'in_features', { label, fault });
  const weight = { name: `${name}.weight`, shape: [outputs, inputs] };
  const node = network.addWeight('conv', name, weight, [input.node]);
  const output = layer.bias ? network.addBias({ name: `${name}.bias`, shape: [outputs] }, node) : node;
  return { node: output, size: [...taken.slice(0, -1), outputs] };
});
