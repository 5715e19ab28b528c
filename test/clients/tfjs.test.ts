import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addTfjs, CHROMIUM, launchChromium } from '../helpers/chromium.js';
import { bytesOf, predicted } from '../helpers/http.js';
import { kerasFixture } from '../helpers/keras.js';
import { startService, type TestService } from '../helpers/service.js';
import { inputOf, runInNode } from '../helpers/tfjs.js';
import { findPython } from './python.js';

/** Lengths of inputs with two images each. */
const INPUT_LENGTHS = { mobilenet: 2 * 32 * 32 * 3, resnet: 2 * 64 * 64 * 3 };
const NETWORKS = Object.keys(INPUT_LENGTHS) as (keyof typeof INPUT_LENGTHS)[];

/** Tolerance of an output, whose sums are in another order. */
const TOLERANCE = 1e-4;

const python = findPython('numpy', 'torch');

let service: TestService;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service.stop());

const predictedFor = (network: string, generation: string, more: object = {}) =>
  predicted(service.url, {
    architecture: { keras: kerasFixture(`${network}.${generation}`).model },
    ...more,
  });

const difference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (value, k) => Math.abs(value - b[k]!)));

describe.skipIf(python.missing !== '')(`the PyTorch twin of a Keras model${python.missing}`, () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ghn-serve-keras-'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  const outputOfTwin = async (network: keyof typeof INPUT_LENGTHS, url: string): Promise<number[]> => {
    const [weights, input] = [join(folder, `${network}.safetensors`), join(folder, `${network}.input`)];
    await writeFile(weights, await bytesOf(await fetch(`${url}/weights`)));
    await writeFile(input, new Uint8Array(inputOf(INPUT_LENGTHS[network]).buffer));
    return python.run<number[]>('run_keras_twin.py', network, weights, input);
  };

  describe.each(NETWORKS)('%s', (network) => {
    it.each(['keras2', 'keras3'])(
      'computes the same as TensorFlow.js with a model of %s',
      async (generation) => {
        const url = await predictedFor(network, generation);
        const expected = await outputOfTwin(network, url);
        const output = await runInNode(`${url}/tfjs/model.json`);
        expect(output).toHaveLength(expected.length);
        expect(difference(output, expected)).toBeLessThan(TOLERANCE);
      },
    );

    it('computes something else with other weights', async () => {
      const expected = await outputOfTwin(network, await predictedFor(network, 'keras3'));
      const other = await predictedFor(network, 'keras3', { ghn: 'ghn2-nano' });
      expect(difference(await runInNode(`${other}/tfjs/model.json`), expected)).toBeGreaterThan(TOLERANCE);
    });

    it('computes the same as TensorFlow.js with orthogonal weights', async () => {
      const url = await predictedFor(network, 'keras3', { postprocess: { orthogonalize: true } });
      const expected = await outputOfTwin(network, url);
      expect(difference(await runInNode(`${url}/tfjs/model.json`), expected)).toBeLessThan(TOLERANCE);
    });
  });
});

const missing = CHROMIUM ? '' : ', skipped for want of Chromium: CHROMIUM says where it is';

describe.skipIf(!CHROMIUM)(`a page in Chromium${missing}`, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser.close());

  it.each(NETWORKS)('loads a prediction from its address and runs it, %s', async (network) => {
    const url = await predictedFor(network, 'keras3');
    const page = await browser.newPage();
    // Opens an arbitrary page of the service's origin.
    await page.goto(`${service.url}/livez`);
    await addTfjs(page);
    const output = await page.evaluate(
      async ([address, input]) => {
        const { tf } = globalThis as unknown as {
          tf: typeof import('@tensorflow/tfjs-layers') & typeof import('@tensorflow/tfjs-core');
        };
        const model = await tf.loadLayersModel(address);
        const shape = model.inputs[0]!.shape.map((length) => length ?? 2);
        const result = model.predict(tf.tensor(input, shape)) as import('@tensorflow/tfjs-core').Tensor;
        return Array.from(result.dataSync());
      },
      [`${url}/tfjs/model.json`, [...inputOf(INPUT_LENGTHS[network])]] as const,
    );
    await page.close();
    const expected = await runInNode(`${url}/tfjs/model.json`);
    expect(output).toHaveLength(expected.length);
    expect(difference(output, expected)).toBeLessThan(TOLERANCE);
  });
});
