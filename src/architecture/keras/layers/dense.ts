import { flag, positive } from '../../layers/arguments.js';
import { kerasLayer } from '../layer.js';

/** A conv of two dimensions, [out, in] in PyTorch and [in, out] in Keras, on the last dimension; and its bias. */
export const dense = kerasLayer(
  'Dense',
  { units: positive, use_bias: flag.default(true) },
  ({ units, use_bias: hasBias }, { label, input, weights, fault }) => {
    const features = input.size?.at(-1) ?? null;
    if (input.size !== null && features === null) {
      fault(
        null,
        `the weights of ${label} depend on the features that ${input.giver} gives, which are not known: give the whole input shape`,
      );
    }
    const shape = [units, features ?? 1];
    const layout = { view: shape, axes: [1, 0] };
    const kernel = weights.kernel('conv', 'kernel', { shape, layout }, [input.node]);
    const node = weights.biased(kernel, 'bias', hasBias ? { shape: [units] } : null);
    return { node, size: input.size && [...input.size.slice(0, -1), units] };
  },
);
