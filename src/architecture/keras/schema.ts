import { z } from 'zod';

/** What `{"keras": …}` is, for a request's documentation; readKeras is what reads it. */
export const kerasSchema = z
  .strictObject({
    keras: z.union([z.looseObject({}), z.string()]).meta({
      description:
        'What `model.to_json()` of Keras 2 or 3 gives, as an object or as the string that it is, or a TensorFlow.js ' +
        '`model.json`, whole or its `modelTopology` alone; a Sequential or Functional model with its input shape',
    }),
  })
  .meta({
    id: 'Keras',
    description:
      'A Keras model. The tensors have Keras’ paths and layouts: kernels are [height, width, in, out], depthwise ones ' +
      '[height, width, channels, multiplier], those of Dense [in, out]. A Sequential of Keras 3 has its own name in the ' +
      'paths, as the model that was built has',
    example: {
      keras: {
        class_name: 'Sequential',
        config: {
          name: 'tiny',
          layers: [
            {
              class_name: 'InputLayer',
              config: { name: 'image', batch_shape: [null, 32, 32, 3] },
            },
            {
              class_name: 'Conv2D',
              config: { name: 'conv', filters: 16, kernel_size: [3, 3], activation: 'relu' },
            },
            { class_name: 'GlobalAveragePooling2D', config: { name: 'pool' } },
            { class_name: 'Dense', config: { name: 'classes', units: 10, activation: 'softmax' } },
          ],
        },
      },
    },
  });
