import { z } from 'zod';

/** The form `{"keras": …}` in the API document. readKeras is the function that reads it. */
export const kerasSchema = z
  .strictObject({
    keras: z.union([z.looseObject({}), z.string()]).meta({
      description:
        'The result of `model.to_json()` of Keras 2 or 3, as a string or as an object, or a TensorFlow.js `model.json`, whole or only its `modelTopology`. It must be a Sequential or Functional model with its input shape',
    }),
  })
  .meta({
    id: 'Keras',
    description:
      'A Keras model. The tensors have the paths and layouts of Keras: kernels are [height, width, in, out], depthwise kernels [height, width, channels, multiplier], and kernels of Dense [in, out]. As in a model that was built, the paths of a Keras 3 Sequential begin with its name',
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
