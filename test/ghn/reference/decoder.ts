import { elements } from '../../../src/tensor/tensor.js';
import { type ReferenceWeights, relu, sigmoid, type Vector } from './weights.js';

/** A predicted tensor before it is repeated up to its shape. The spec calls it a block. */
export interface ReferenceTensor {
  readonly shape: readonly number[];
  readonly blockShape: readonly number[];
  readonly block: Vector;
  /** Number of leading values that are drawn at random, not predicted. */
  readonly drawn: number;
}

/** Computes a tensor from the state of its node (docs/ghn.md, section 5). */
export class ReferenceDecoder {
  readonly #weights: ReferenceWeights;

  constructor(weights: ReferenceWeights) {
    this.#weights = weights;
  }

  decode(x: Vector, shape: readonly number[], role: 'weight' | 'bias', classifier: boolean): ReferenceTensor {
    const decoded =
      shape.length === 1
        ? this.#vector(x, shape[0], role, classifier)
        : classifier
          ? this.#classifier(x, shape)
          : shape.length === 3
            ? this.#tokens(x, shape)
            : this.#weight(x, shape);
    if (this.#weights.config.weightNorm) normalise(decoded.block, shape, role);
    return { shape, ...decoded };
  }

  #vector(
    x: Vector,
    size: number,
    role: 'weight' | 'bias',
    classifier: boolean,
  ): Omit<ReferenceTensor, 'shape'> {
    const rows = this.#weights.linear(
      this.#weights.linear(x, 'decoder_1d.fc.0').map(relu),
      'decoder_1d.fc.2',
    );
    const { channels } = this.#weights.config;
    let values = role === 'weight' ? rows.slice(0, channels) : rows.slice(channels);
    if (classifier) values = this.#weights.linear(values.map(relu), 'bias_class.1');
    values = values.slice(0, size);
    return { block: values, blockShape: [values.length], drawn: 0 };
  }

  #classifier(x: Vector, shape: readonly number[]): Omit<ReferenceTensor, 'shape'> {
    const inputs = Math.min(shape[1], this.#weights.config.channels);
    const kernel = this.#kernel(x, this.#weights.config.channels, inputs, 1, 1).map(relu);
    const classes = Math.min(shape[0], this.#weights.config.numClasses);
    const block = new Float64Array(classes * inputs);
    for (let i = 0; i < inputs; i++) {
      const column = Float64Array.from(
        { length: this.#weights.config.channels },
        (_, o) => kernel[o * inputs + i],
      );
      const predicted = this.#weights.linear(column, 'decoder.class_layer_predictor.1');
      for (let c = 0; c < classes; c++) block[c * inputs + i] = predicted[c];
    }
    return { block, blockShape: [classes, inputs, ...shape.slice(2)], drawn: 0 };
  }

  #tokens(x: Vector, shape: readonly number[]): Omit<ReferenceTensor, 'shape'> {
    const side = Math.floor(Math.sqrt(shape[1]));
    const width = Math.min(shape[2], this.#weights.config.channels);
    const kernel = this.#kernel(x, 1, width, side, side);
    const drawn = (shape[1] - side * side) * width;
    const block = new Float64Array(shape[1] * width);
    for (let token = 0; token < side * side; token++) {
      for (let k = 0; k < width; k++) block[drawn + token * width + k] = kernel[k * side * side + token];
    }
    return { block, blockShape: [1, shape[1], width], drawn };
  }

  #weight(x: Vector, shape: readonly number[]): Omit<ReferenceTensor, 'shape'> {
    const [o, i, height = 1, width = 1] = shape;
    const outputs = Math.min(o, this.#weights.config.channels);
    const inputs = Math.min(i, this.#weights.config.channels);
    const block = this.#kernel(x, outputs, inputs, height, width);
    return { block, blockShape: [outputs, inputs, ...shape.slice(2)], drawn: 0 };
  }

  /** Returns a kernel of shape [outputs, inputs, height, width]. */
  #kernel(x: Vector, outputs: number, inputs: number, height: number, width: number): Vector {
    const { spatial: S, channels: C, hidden, family } = this.#weights.config;
    const [h, w] = [Math.min(height, S), Math.min(width, S)];
    const start = (size: number) =>
      family === 'ghn2' ? 0 : Math.max(0, Math.floor(S / 2) - Math.floor(size / 2));
    const window = new Float64Array(outputs * inputs * h * w);
    for (let place = 0; place < h * w; place++) {
      const at = (start(height) + Math.floor(place / w)) * S + start(width) + (place % w);
      const features = Float64Array.from({ length: 4 * hidden }, (_, feature) =>
        relu(this.#weights.linearRow(x, 'decoder.fc.0', feature * S * S + at)),
      );
      const inner = this.#weights.linear(features, 'decoder.conv.0').map(relu);
      for (let o = 0; o < outputs; o++) {
        for (let i = 0; i < inputs; i++) {
          window[(o * inputs + i) * h * w + place] = this.#weights.linearRow(
            inner,
            'decoder.conv.2',
            o * C + i,
          );
        }
      }
    }
    if (h === height && w === width) return window;
    const resized = new Float64Array(outputs * inputs * height * width);
    for (let plane = 0; plane < outputs * inputs; plane++) {
      for (let y = 0; y < height; y++) {
        for (let column = 0; column < width; column++) {
          let sum = 0;
          for (const [row, rowShare] of neighbours(y, height, h)) {
            for (const [k, share] of neighbours(column, width, w)) {
              sum += rowShare * share * window[plane * h * w + row * w + k];
            }
          }
          resized[(plane * height + y) * width + column] = sum;
        }
      }
    }
    return resized;
  }
}

/** Returns the positions of `size` between which a position of `newSize` lies, with their shares. */
function neighbours(index: number, newSize: number, size: number): [place: number, share: number][] {
  const at = Math.max(0, ((index + 0.5) * size) / newSize - 0.5);
  const low = Math.min(Math.floor(at), size - 1);
  return [
    [low, 1 - (at - low)],
    [Math.min(low + 1, size - 1), at - low],
  ];
}

function normalise(values: Vector, shape: readonly number[], role: 'weight' | 'bias'): void {
  const apply = (change: (value: number) => number) =>
    values.forEach((value, k) => {
      values[k] = change(value);
    });
  if (shape.length === 1) {
    apply(role === 'weight' ? (value) => 2 * sigmoid(0.5 * value) : (value) => Math.tanh(0.2 * value));
    return;
  }
  if (shape.length > 2 && shape[0] === 1 && shape[2] >= 11) return;
  const isDepthwise = shape.length > 2 && (shape[1] === 1 || shape[2] < shape.at(-1)!);
  const scale = Math.sqrt((isDepthwise ? 1 : 2) / elements(shape.slice(1)));
  apply((value) => value * scale);
}
