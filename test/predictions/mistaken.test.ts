import { describe, expect, it } from 'vitest';
import { InvalidRequestError } from '../../src/predictions/errors.js';
import { readPredictRequest } from '../../src/predictions/request.js';
import { LIMITS } from '../architecture/fixtures.js';
import { image, layer, sequential } from '../architecture/keras/keras.js';

const model = sequential(image(4), layer('Dense', 'd', { units: 2 }));
const zip = Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(40)]).toString('base64');
const onnx = Buffer.from('\u0008\u0008\u0012\u0007pytorch\u001a\u00052.1.0:\u0001').toString('base64');
const weights = { 'conv1.weight': [[[[0.1]]]], 'fc.bias': [0.1, 0.2] };
const graphModel = { format: 'graph-model', modelTopology: { node: [{ name: 'x', op: 'Placeholder' }] } };

/** The one fault of a body. */
const faultOf = (body: unknown) => {
  try {
    readPredictRequest(body, LIMITS);
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    expect(error.faults).toHaveLength(1);
    return error.faults[0]!;
  }
  throw new Error('the body is taken');
};

describe('a value that is not an architecture is recognised, with what to send instead', () => {
  it.each<[what: string, architecture: unknown, message: RegExp]>([
    [
      'what to_json() gives',
      model,
      /^this is a Keras model, .*; send it as \{"architecture": \{"keras": …\}\}$/,
    ],
    [
      'its text',
      JSON.stringify(model),
      /^the architecture is a string of JSON, encoded twice; this is a Keras model, /,
    ],
    ['a text of an architecture', JSON.stringify({ keras: model }), /encoded twice; send the object itself$/],
    ['the text of a text', JSON.stringify(JSON.stringify(model)), /encoded twice; this is a Keras model/],
    ['what get_config() gives', model.config, /^this is what model.get_config\(\) gives/],
    [
      'a TensorFlow.js graph model',
      graphModel,
      /^a TensorFlow.js graph model has no layers, .*send model.to_json\(\)/,
    ],
    ['its topology', graphModel.modelTopology, /^a TensorFlow.js graph model has no layers/],
    [
      'a TensorFlow.js layers model',
      { modelTopology: { model_config: model } },
      /^this is a TensorFlow.js model.json; send/,
    ],
    [
      'an ONNX model as JSON',
      { irVersion: '8', graph: {} },
      /^an ONNX model has neither the names.*; send|trace/,
    ],
    ['an ONNX file’s path', 'nets/resnet.onnx', /^an ONNX model has neither the names/],
    ['an ONNX file', onnx, /^an ONNX model has neither the names/],
    [
      'a .keras file’s path',
      '/home/me/model.keras',
      /^a path to .* cannot see; load it with keras.models.load_model/,
    ],
    ['a .keras file', zip, /^a .keras file, which is a zip archive/],
    [
      'a checkpoint’s path',
      'model.pt',
      /^a path to .* cannot see; send the graph that ghn_serve.trace\(module\) gives/,
    ],
    ['a program’s path', 'train.py', /^a path/],
    [
      'a state dict',
      weights,
      /^this is a state dict, .* do not say how the layers are joined; send the graph/,
    ],
    [
      'the shapes of a state dict',
      { 'conv1.weight': [64, 3, 7, 7], 'bn1.num_batches_tracked': [] },
      /a state dict/,
    ],
    ['a safetensors header', { __metadata__: {}, 'fc.weight': { dtype: 'F32', shape: [1] } }, /a state dict/],
    ['a training’s checkpoint', { state_dict: weights, epoch: 3 }, /a state dict/],
    [
      'a printed module',
      'Sequential(\n  (0): Linear(in_features=1, out_features=2)\n)',
      /how Python prints a module/,
    ],
    ['a printed Keras model', 'Model: "sequential"\n_____\n', /how Keras prints a model; send/],
    ['a program', 'import torch\nnet = torch.nn.Linear(3, 2)\n', /a program, which the service does not run/],
    [
      'an address',
      'https://huggingface.co/timm/resnet50.a1_in1k',
      /^an address, and the service fetches nothing/,
    ],
    ['a request', { architecture: 'resnet50' }, /a whole request; send only the value of its "architecture"/],
    ['a misspelt key', { node: [], edges: [] }, /not an object; did you mean "nodes" for "node"\?/],
    ['a model under another key', { model }, /did you mean "keras" for "model"\?/],
    ['nothing', undefined, /^expected an architecture, .*, and there is none$/],
  ])('%s', (_, architecture, message) => {
    expect(faultOf({ architecture })).toEqual({
      path: '/architecture',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each<[what: string, keras: unknown, message: RegExp]>([
    ['an ONNX file', onnx, /^an ONNX model/],
    ['a state dict', { 'dense/kernel': [[1]] }, /a state dict, .*; send what model.to_json\(\) gives/],
  ])('under keras: %s', (_, keras, message) => {
    expect(faultOf({ architecture: { keras } }).message).toMatch(message);
  });

  it.each<[what: string, body: unknown, message: RegExp]>([
    ['a Keras model', model, /^this is a Keras model, .*; send it as \{"architecture": \{"keras": …\}\}$/],
    [
      'an architecture',
      { keras: model },
      /^this is an architecture; send it in a request, \{"architecture": …\}$/,
    ],
    ['layers', { name: 'net', layers: [] }, /^this is an architecture/],
    ['a state dict', weights, /^this is a state dict/],
    [
      'a request encoded twice',
      JSON.stringify({ architecture: 'resnet50' }),
      /^the body is a string of JSON/,
    ],
    ['a name', 'resnet50', /^the body is a string; send an object/],
  ])('as the whole body: %s', (_, body, message) => {
    expect(faultOf(body)).toEqual({ path: '', message: expect.stringMatching(message) as string });
  });

  it('names unlike any of these are treated as names', () => {
    for (const name of [
      'resnet50',
      'timm:resnet50',
      'microsoft/resnet-50',
      'CA',
      'PK',
      'my net (1)',
      '{}x',
      '"',
    ]) {
      expect(readPredictRequest({ architecture: name }, LIMITS).architecture).toEqual({ name });
    }
  });
});

describe('a misspelt key', () => {
  it.each([
    ['arch', 'architecture'],
    ['model', 'architecture'],
    ['Architecture', 'architecture'],
    ['architectur', 'architecture'],
  ])('%s of the request is reported once', (key, meant) => {
    const { path, message } = faultOf({ [key]: 'resnet50' });
    expect(path).toBe(`/${key}`);
    expect(message).toMatch(
      new RegExp(`^unknown key; did you mean "${meant}"\\? \\(the request has architecture, `),
    );
  });

  it.each([
    ['classes', 'num_classes'],
    ['numClasses', 'num_classes'],
    ['dtpe', 'dtype'],
    ['predict_clasifier', 'predict_classifier'],
  ])('%s is reported with the intended key', (key, meant) => {
    expect(faultOf({ architecture: 'resnet50', [key]: 1 }).message).toContain(`did you mean "${meant}"?`);
  });
});

describe('a layer or an operation with another framework’s name', () => {
  it.each([
    ['Dense', 'Linear'],
    ['Conv2D', 'Conv2d'],
    ['BatchNormalization', 'BatchNorm2d'],
    ['GlobalAveragePooling2D', 'AdaptiveAvgPool2d'],
    ['torch.nn.Linear', 'Linear'],
  ])('%s in layers', (type, meant) => {
    const layers = [{ name: 'a', type }];
    expect(faultOf({ architecture: { name: 'net', layers } }).message).toContain(
      `; did you mean "${meant}"?`,
    );
  });

  it.each([
    ['Linear', 'Dense'],
    ['BatchNorm2d', 'BatchNormalization'],
    ['AdaptiveAvgPool2d', 'GlobalAveragePooling2D'],
  ])('%s in a Keras model', (type, meant) => {
    const architecture = { keras: sequential(image(4), layer(type, 'a')) };
    expect(faultOf({ architecture }).message).toContain(`; did you mean "${meant}"?`);
  });

  it.each([
    ['linear', '; did you mean "conv"?'],
    ['batch_norm', '; did you mean "bn"?'],
    ['add', '; did you mean "sum"?'],
    ['group_norm', '; did you mean "other"?'],
    ['relu', '; that is not a node: leave it out'],
  ])('%s in a graph', (op, hint) => {
    const nodes = [
      { id: 'input', op: 'input' },
      { id: 'a', op },
    ];
    expect(faultOf({ architecture: { name: 'net', nodes, edges: [] } }).message).toContain(hint);
  });
});
