import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalGraph } from '../../../src/architecture/canonical.js';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import type { Graph } from '../../../src/architecture/schema.js';
import type { Problem } from '../../../src/http/problems/problem.js';
import type { PredictionView } from '../../../src/routes/predictions/view.js';
import { LIMITS, tinyGraph } from '../../architecture/fixtures.js';
import { parseSafetensors } from '../../format/files.js';
import { bytesOf, json, post, predicted, tensorsOf } from '../../helpers/http.js';
import { KERAS_FIXTURES, kerasFixture } from '../../helpers/keras.js';
import { startService, type TestService } from '../../helpers/service.js';
import { runInNode } from '../../helpers/tfjs.js';

const RUNNABLE = KERAS_FIXTURES.filter((name) => !name.startsWith('attention'));

let service: TestService;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service.stop());

const keras = (name: string) => ({ keras: kerasFixture(name).model });
const predict = (body: object) => predicted(service.url, body);

/** Transposes [out, in, height, width] to [height, width, in, out], entry by entry. */
function asKeras(values: Float32Array, [outputs, inputs, height, width]: readonly number[]): Float32Array {
  const kernel = new Float32Array(values.length);
  for (let o = 0; o < outputs!; o++)
    for (let i = 0; i < inputs!; i++)
      for (let y = 0; y < height!; y++)
        for (let x = 0; x < width!; x++)
          kernel[((y * width! + x) * inputs! + i) * outputs! + o] =
            values[((o * inputs! + i) * height! + y) * width! + x]!;
  return kernel;
}

describe('a prediction for a Keras model', () => {
  it.each(KERAS_FIXTURES)('has Keras’ paths and shapes in Keras’ order, %s', async (name) => {
    const { model, weights } = kerasFixture(name);
    const response = await post(service.url, { architecture: { keras: model } });
    const { tensors } = parseSafetensors(await bytesOf(response));
    const shapes = tensors.map((tensor) => [tensor.name, tensor.shape]);
    const isPredicted = ([path, , trainable]: (typeof weights)[number]) =>
      trainable && !path.includes('alpha');
    expect(shapes).toEqual(weights.filter(isPredicted).map(([path, shape]) => [path, shape]));
  });

  it('has the values of the same network in PyTorch, in Keras’ layout', async () => {
    const architecture = keras('resnet.keras3');
    const graph = canonicalGraph(parseArchitecture(architecture, LIMITS));
    const inKeras = await tensorsOf(await post(service.url, { architecture }));
    const inPyTorch = await tensorsOf(await post(service.url, { architecture: graph }));
    const convolutions = graph.nodes.flatMap(({ weight }) => (weight?.shape.length === 4 ? weight : []));
    expect(convolutions).not.toHaveLength(0);
    for (const { name, shape } of convolutions) {
      const path = name.replace('.weight', '/kernel');
      expect(inKeras.get(path), path).toEqual(asKeras(inPyTorch.get(name)!, shape));
    }
    expect(inKeras.get('conv1_bn/beta')).toEqual(inPyTorch.get('conv1_bn.bias'));
  });

  it('is post-processed in PyTorch’s layout, before any other', async () => {
    const postprocess = { orthogonalize: true };
    const architecture = keras('resnet.keras2');
    const graph = canonicalGraph(parseArchitecture(architecture, LIMITS));
    const url = await predict({ architecture, postprocess });
    const inKeras = await tensorsOf(await fetch(`${url}/weights`));
    const inPyTorch = await tensorsOf(await post(service.url, { architecture: graph, postprocess }));
    expect(inKeras.get('conv2_2_conv/kernel')).toEqual(
      asKeras(inPyTorch.get('conv2_2_conv.weight')!, [16, 16, 3, 3]),
    );
    const { applied } = await json<PredictionView>(url);
    expect(applied?.[0]).toMatchObject({ tensor: 'conv1_conv/kernel', orthogonalized: true });
  });

  it('is tiled in Keras’ layout', async () => {
    const url = await predict({ architecture: keras('mobilenet.keras3'), format: 'tiled' });
    const tiled = parseSafetensors(await bytesOf(await fetch(`${url}/weights`)));
    const shapes = JSON.parse(tiled.metadata.shapes!) as Record<string, number[]>;
    expect(shapes['block_3_expand/kernel']).toEqual([1, 1, 40, 160]);
    const block = tiled.tensors.find((tensor) => tensor.name === 'block_3_expand/kernel');
    expect(block!.shape[3]).toBeLessThan(160);
  });

  it('has the graph of the same network in PyTorch, which can be posted again', async () => {
    const url = await predict({ architecture: keras('gated.keras3') });
    const graph = await json<Graph>(`${url}/architecture`);
    expect(graph.nodes[1]?.weight).toEqual({ name: 'conv.weight', shape: [16, 3, 3, 3] });
    const again = await post(service.url, { architecture: graph });
    expect(again.status).toBe(200);
    expect(again.headers.get('location')).not.toBe(new URL(url).pathname);
  });

  it('names faults by pointers into the model', async () => {
    const { model } = kerasFixture('sequential.keras2');
    const broken = JSON.parse(JSON.stringify(model).replace('"Flatten"', '"Flaten"')) as unknown;
    const response = await post(service.url, { architecture: { keras: broken } });
    expect(response.status).toBe(422);
    const { errors } = (await response.json()) as Problem;
    expect(errors?.[0]?.path).toBe('/architecture/keras/config/layers/6/class_name');
    expect(errors?.[0]?.message).toContain('did you mean "Flatten"');
  });
});

describe('its TensorFlow.js model', () => {
  it.each(RUNNABLE)('runs in Node, %s', async (name) => {
    const url = await predict({ architecture: keras(name) });
    const output = await runInNode(`${url}/tfjs/model.json`);
    expect(output.every(Number.isFinite)).toBe(true);
    expect(new Set(output).size).toBeGreaterThan(1);
  });

  it.each(['mobilenet', 'resnet', 'nested', 'sequential'])(
    'is the same for the model of either generation, %s',
    async (name) => {
      const [two, three] = await Promise.all(
        ['keras2', 'keras3'].map(async (generation) => {
          const url = await predict({ architecture: keras(`${name}.${generation}`) });
          return runInNode(`${url}/tfjs/model.json`);
        }),
      );
      expect(two).toEqual(three);
    },
  );

  it('can itself be posted, and gives itself', async () => {
    const url = await predict({ architecture: keras('nested.keras3') });
    const model = await json(`${url}/tfjs/model.json`);
    const again = await predict({ architecture: { keras: model } });
    expect(await runInNode(`${again}/tfjs/model.json`)).toEqual(await runInNode(`${url}/tfjs/model.json`));
  });

  it('has the initial values of a classifier that was not predicted', async () => {
    const url = await predict({ architecture: keras('resnet.keras3'), predict_classifier: false });
    const output = await runInNode(`${url}/tfjs/model.json`);
    expect(new Set(output).size).toBe(output.length);
  });

  it('is available after a restart of the service', async () => {
    const first = await startService();
    const url = await predicted(first.url, { architecture: keras('mobilenet.keras3') });
    const before = await runInNode(`${url}/tfjs/model.json`);
    const { pathname } = new URL(url);
    const second = await first.restart();
    expect(await runInNode(`${second.url}${pathname}/tfjs/model.json`)).toEqual(before);
    await second.stop();
  });

  it('has files that caches keep and downloads resume', async () => {
    const url = await predict({ architecture: keras('mobilenet.keras2') });
    const whole = await fetch(`${url}/tfjs/group1-shard1of1.bin`);
    const bytes = await bytesOf(whole);
    const etag = whole.headers.get('etag')!;
    const rest = await fetch(`${url}/tfjs/group1-shard1of1.bin`, {
      headers: { range: 'bytes=1000-', 'if-range': etag },
    });
    expect(rest.status).toBe(206);
    expect(await bytesOf(rest)).toEqual(bytes.subarray(1000));
    const head = await fetch(`${url}/tfjs/model.json`, { method: 'HEAD' });
    expect(head.headers.get('content-type')).toContain('application/json');
    const known = { 'if-none-match': head.headers.get('etag')! };
    expect((await fetch(`${url}/tfjs/model.json`, { headers: known })).status).toBe(304);
  });

  it.each<[what: string, body: object, detail: RegExp]>([
    ['a graph', { architecture: tinyGraph() }, /"tiny" was not given as a Keras model/],
    [
      'a model that TensorFlow.js cannot run',
      { architecture: keras('attention.keras3') },
      /TensorFlow.js has no layers of this class, as MultiHeadAttention "attention"/,
    ],
  ])('does not exist for %s', async (_, body, detail) => {
    const url = await predict(body);
    const response = await fetch(`${url}/tfjs/model.json`);
    expect(response.status).toBe(404);
    expect(((await response.json()) as Problem).detail).toMatch(detail);
  });

  it('does not exist for an unknown prediction, and neither does a file that it does not name', async () => {
    expect((await fetch(`${service.url}/predictions/${'0'.repeat(32)}/tfjs/model.json`)).status).toBe(404);
    const url = await predict({ architecture: keras('mobilenet.keras2') });
    expect((await fetch(`${url}/tfjs/group1-shard2of1.bin`)).status).toBe(404);
  });
});
