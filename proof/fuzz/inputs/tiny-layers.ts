/** A list of layers for a network with one layer of each kind that small networks have. */
export const TINY_LAYERS = {
  name: 'tiny',
  layers: [
    { name: 'conv1', type: 'Conv2d', in_channels: 3, out_channels: 16, kernel_size: 3, bias: false },
    { name: 'bn1', type: 'BatchNorm2d', num_features: 16 },
    { name: 'pool', type: 'MaxPool2d', kernel_size: 2 },
    { name: 'gap', type: 'AdaptiveAvgPool2d' },
    { name: 'fc', type: 'Linear', in_features: 16, out_features: 10 },
  ],
};
