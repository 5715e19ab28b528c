import { flag, positive } from '../../layers/arguments.js';
import { kerasLayer } from '../layer.js';
import { faultUnsized } from '../size.js';
import { addLora, loraArguments } from './lora.js';

/**
 * A conv with two dimensions and its bias, on the last dimension. Its shape is [out, in] in PyTorch and [in, out] in
 * Keras.
 */
export const dense = kerasLayer(
  'Dense',
  { units: positive, use_bias: flag.default(true), ...loraArguments },
  ({ units, use_bias: hasBias, ...config }, place) => {
    const { label, input, weights, fault } = place;
    const features = input.size?.at(-1) ?? null;
    if (input.size === null) faultUnsized(input, place);
    else if (features === null) {
      fault(
        null,
        `the weights of ${label} depend on the features that ${input.giver} gives, which are not known: give the whole input shape`,
      );
    }
    const shape = [units, features ?? 1];
    const layout = { view: shape, axes: [1, 0] };
    const kernel = weights.kernel('conv', 'kernel', { shape, layout }, [input.node]);
    const node = weights.biased(kernel, 'bias', hasBias ? { shape: [units] } : null);
    addLora(weights, config, [features ?? 1, units]);
    return { node, size: input.size && [...input.size.slice(0, -1), units] };
  },
);
