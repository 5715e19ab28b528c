import { positive } from '../arguments.js';
import { imageSize } from '../expect.js';
import { layerSchema, layerType } from '../layer-type.js';

const schema = layerSchema('SqueezeExcitation', { input_channels: positive, squeeze_channels: positive });

/**
 * Like torchvision's SqueezeExcitation. fc1 and fc2 are 1 by 1 convolutions, and the product is a cse. Its pool is not
 * a node.
 */
export const squeezeExcitation = layerType(schema, (layer, place) => {
  const { input, network } = place;
  const { name, input_channels: channels, squeeze_channels: squeezed } = layer;
  const size = imageSize(input, channels, 'input_channels', place);
  const convolve = (id: string, inputs: number, outputs: number, from: number): number => {
    const weight = network.addWeight('conv', id, { name: `${id}.weight`, shape: [outputs, inputs, 1, 1] }, [
      from,
    ]);
    return network.addBias({ name: `${id}.bias`, shape: [outputs] }, weight);
  };
  const squeeze = convolve(`${name}.fc1`, channels, squeezed, input.node);
  const excite = convolve(`${name}.fc2`, squeezed, channels, squeeze);
  return { node: network.addOperation('cse', [input.node, excite]), size };
});
