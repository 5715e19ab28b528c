import fc from 'fast-check';

const IMAGE = { class_name: 'InputLayer', name: 'image', config: { name: 'image', batch_shape: [null, 8] } };
const IMAGE_OUT = ['image', 0, 0];

interface Layer {
  readonly class_name: string;
  readonly name: string;
  readonly config: unknown;
}

const last = (class_name: string, config: object = {}): Layer => ({
  class_name,
  name: 'last',
  config: { name: 'last', ...config },
});

/** The layers of the innermost model. */
const layersWithin = fc.constantFrom<readonly Layer[]>(
  [],
  [last('ReLU')],
  [last('Dense', { units: 8 })],
  [last('Add')],
);

/** Returns a model that calls each layer `calls` times, with the image as each of `takes` inputs. */
function functional(name: string, layers: readonly Layer[], calls: number, takes: number): Layer {
  const inbound = Array(calls).fill(Array(takes).fill(IMAGE_OUT));
  return {
    class_name: 'Functional',
    name,
    config: {
      name,
      layers: [IMAGE, ...layers.map((layer) => ({ ...layer, inbound_nodes: inbound }))],
      input_layers: [IMAGE_OUT],
      output_layers: [[layers.at(-1)?.name ?? 'image', 0, 0]],
    },
  };
}

/**
 * Keras models that call models that call models, several times each: their text is small, but they stand for many
 * layers.
 */
export const nestedModels: fc.Arbitrary<unknown> = fc
  .record({
    within: layersWithin,
    takes: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 900 })),
    calls: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 9 }),
  })
  .map(({ within, takes, calls }) => {
    let keras = functional('innermost', within, 1, takes);
    for (const [depth, times] of calls.entries()) keras = functional(`model_${depth}`, [keras], times, 1);
    return { keras };
  });
