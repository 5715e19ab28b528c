import '@tensorflow/tfjs-backend-cpu';
import type { io } from '@tensorflow/tfjs-core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { readKeras } from '../../../src/architecture/keras/parse.js';
import { kerasShape } from '../../../src/architecture/keras/variable.js';
import { TfjsUnsupportedError } from '../../../src/format/tfjs/errors.js';
import { CONVERSIONS } from '../../../src/format/tfjs/layers.js';
import { FUNCTIONS, OPERATIONS } from '../../../src/format/tfjs/operations.js';
import { type TfjsFiles, tfjsFiles } from '../../../src/format/tfjs/tfjs.js';
import { elements, tensorSource } from '../../../src/tensor/tensor.js';
import { LIMITS } from '../../architecture/fixtures.js';
import { type Conversion, kerasConversions } from '../../helpers/keras.js';
import { tensorOf } from '../../tensor/arbitrary.js';
import { read as bytesOf } from '../bytes.js';

/** Returns the same varying numbers as make_conversions.py. */
const value = (index: number, start: number) => Math.fround(Math.sin(0.7 * index + start) * 0.8);

function filesOf({ model }: Conversion): TfjsFiles {
  const read = readKeras({ keras: model }, LIMITS);
  const variables = read.placed.flatMap((placed) => placed.variables);
  const tensors = variables.map((variable, start) => {
    const shape = kerasShape(variable);
    const isVariance = variable.path.endsWith('variance');
    return tensorOf(variable.path, shape, shape, (index) => {
      const given = value(index, start + 1);
      return isVariance ? Math.abs(given) + 0.5 : given;
    });
  });
  return tfjsFiles(read, { tensors: tensors.map(tensorSource), seed: 0, generatedBy: 'test', metadata: {} });
}

async function load({ model, shards }: TfjsFiles): Promise<LayersModel> {
  const { modelTopology, weightsManifest } = model as io.ModelJSON;
  const weightData = Buffer.concat(await Promise.all([...shards.values()].map((shard) => bytesOf(shard))));
  return loadLayersModel({
    load: async () => ({
      modelTopology,
      weightSpecs: weightsManifest[0]!.weights,
      weightData: weightData.buffer.slice(weightData.byteOffset, weightData.byteOffset + weightData.length),
    }),
  });
}

async function outputsOf(files: TfjsFiles, shapes: readonly (readonly number[])[]): Promise<number[][]> {
  const model = await load(files);
  const inputs = shapes.map((shape, start) =>
    tensor(
      Array.from({ length: elements(shape) }, (_, index) => value(index, start + 0.1)),
      [...shape],
    ),
  );
  const outputs = [model.predict(inputs.length > 1 ? inputs : inputs[0]!)].flat() as Tensor[];
  return outputs.map((output) => [...output.dataSync()]);
}

/** Conversions that are refused, with the reason: TensorFlow.js has no equivalent. */
const NOT_SERVED: readonly (readonly [name: RegExp, reason: RegExp])[] = [
  [/^Conv2D groups/, /no groups 2/],
  [/^DepthwiseConv2D dilation/, /no dilation_rate \[2,2\]/],
  [/^((Separable)?Conv2D|GlobalAveragePooling1D) first/, /no data_format "channels_first"/],
  [
    /^(BatchNormalization|LayerNormalization|Softmax|operation \w*Softmax) (axis )?([12]|\[|first)/,
    /no axis but the last/,
  ],
  [/^Normalization (axis 1|inverted)/, /no normalisation other than of the last axis/],
  [/^GlobalAveragePooling1D True/, /no keepdims true/],
  [/^Reshape of an image of any size/, /no size to reshape to where the input’s is not known/],
  [/^(UpSampling2D|Resizing) (bilinear|bicubic|lanczos3)/, /no interpolation "/],
  [/^Resizing nearest to less/, /no resizing other than to whole multiples/],
  [/^Resizing nearest with its aspect/, /no crop_to_aspect_ratio true/],
  [
    /^(Activation|Dense) (exponential|hard_silu|leaky_relu|celu|glu|tanh_shrink|squareplus|sparsemax)/,
    /no activation "/,
  ],
  [/^ReLU .*threshold/, /no threshold 0.1/],
  [/^ReLU .*slope.*max/, /no max_value 0.3/],
  [/^(ELU|operation Elu) 0.5/, /no alpha 0.5/],
  [/^operation Gelu$/, /no approximate true/],
  [/^operation (2 \/ x|x [-/] y|Subtract|TrueDivide|x \+ column)$/, /no such arithmetic/],
  [/^operation [Mm]aximum 0/, /no maximum with a number/],
  [/^operation (Mean|reduce_mean) (keepdims|of rows)/, /no means other than/],
  [/^operation Cast int32/, /no numbers of type "int32"/],
  [
    /^(AdaptiveAveragePooling2D|AutoContrast|Dot|Masking|MultiHeadAttention|Subtract|UnitNormalization)/,
    /no layers of this class/,
  ],
  [
    /^operation (Average|Clip|Flip|GetItem|MaxPool|Sqrt|hard_|x \*\* 2|clip|concat|gelu|getitem|nn.leaky|softmax)/,
    /no layers of this class/,
  ],
];

/** Conversions that are refused only for Keras 3; Keras 2 computes as TensorFlow.js does. */
const NOT_SERVED_OF_KERAS3: typeof NOT_SERVED = [
  [/^(Activation|Dense) hard_sigmoid/, /no activation "hard_sigmoid"/],
];

describe.each(['keras3', 'keras2'] as const)('TensorFlow.js computes the same as Keras, %s', (generation) => {
  const conversions = kerasConversions(generation);
  const notServed = [...NOT_SERVED, ...(generation === 'keras3' ? NOT_SERVED_OF_KERAS3 : [])];
  const reasonOf = (name: string) => notServed.find(([pattern]) => pattern.test(name))?.[1];

  it.each([...conversions.keys()].filter((name) => !reasonOf(name)))('%s', async (name) => {
    const conversion = conversions.get(name)!;
    const found = await outputsOf(filesOf(conversion), conversion.inputs);
    const expected = conversion.outputs.map((output) => [output].flat(8) as number[]);
    expect(found.map((output) => output.length)).toEqual(expected.map((output) => output.length));
    const differences = found.flatMap((output, k) =>
      output.map(
        (given, at) => Math.abs(given - expected[k]![at]!) / Math.max(1, Math.abs(expected[k]![at]!)),
      ),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-4);
  });

  it.each([...conversions.keys()].filter((name) => reasonOf(name)))('or is not served: %s', (name) => {
    const files = () => filesOf(conversions.get(name)!);
    expect(files).toThrow(TfjsUnsupportedError);
    expect(files).toThrow(reasonOf(name)!);
  });
});

it('every converted layer and operation is compared', () => {
  const compared = (['keras3', 'keras2'] as const)
    .map((generation) => JSON.stringify([...kerasConversions(generation).values()].map(({ model }) => model)))
    .join();
  const missing = [
    ...Object.keys(CONVERSIONS).filter((name) => !compared.includes(`"class_name":"${name}"`)),
    ...Object.keys(OPERATIONS).filter((name) => !compared.includes(`"class_name":"${name}","config"`)),
    ...Object.keys(FUNCTIONS).filter((name) => !compared.includes(`"function":"${name}"`)),
  ];
  expect(missing).toEqual([]);
});
