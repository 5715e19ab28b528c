import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Problem } from '../../src/http/problems/problem.js';
import type { PredictionView } from '../../src/routes/predictions/view.js';
import { image, layer, sequential } from '../architecture/keras/keras.js';
import { json, post, tensorsOf } from '../helpers/http.js';
import { kerasNetworks } from '../helpers/keras.js';
import { startService, type TestService } from '../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const normed = {
  keras: sequential(
    image(8, 8, 3),
    layer('Conv2D', 'conv', { filters: 8, kernel_size: 3 }),
    layer('GroupNormalization', 'norm', { groups: 4 }),
    layer('Flatten', 'flat'),
    layer('Dense', 'classes', { units: 2 }),
  ),
};

const recordOf = (response: Response) =>
  json<PredictionView>(`${service.url}${response.headers.get('location')}`);

describe('an operation that the GHN lacks', () => {
  it('is refused unless the request allows skipping it', async () => {
    for (const body of [{ architecture: normed }, { architecture: normed, unsupported: 'refuse' }]) {
      const response = await post(service.url, body);
      const { errors } = (await response.json()) as Problem;
      expect(response.status).toBe(422);
      expect(errors).toEqual([
        {
          path: '/architecture/keras/config/layers/2/class_name',
          message: expect.stringContaining(
            '"unsupported": "skip" beside the architecture leaves it out',
          ) as string,
        },
      ]);
    }
  });

  it('is left out on request: the rest is predicted, and the record names it', async () => {
    const response = await post(service.url, { architecture: normed, unsupported: 'skip' });
    expect(response.status).toBe(200);
    expect([...(await tensorsOf(response)).keys()]).toEqual([
      'conv/kernel',
      'conv/bias',
      'classes/kernel',
      'classes/bias',
    ]);
    const { request, architecture } = await recordOf(response);
    expect(request.unsupported).toBe('skip');
    expect(architecture.left_out).toEqual([
      expect.stringMatching(
        /^GroupNormalization "norm": the only norms that a GHN knows are batch and layer norms/,
      ),
    ]);
  });

  it('gives another prediction with skipping than without', async () => {
    const architecture = { keras: sequential(image(4), layer('Dense', 'd', { units: 2 })) };
    const [refusing, skipping] = await Promise.all(
      ['refuse', 'skip'].map((unsupported) => post(service.url, { architecture, unsupported })),
    );
    expect(refusing!.headers.get('location')).not.toBe(skipping!.headers.get('location'));
    expect((await recordOf(skipping!)).architecture.left_out).toEqual([]);
  });

  it('leaves no model for TensorFlow.js, with the reason', async () => {
    const response = await post(service.url, { architecture: normed, unsupported: 'skip' });
    const tfjs = await fetch(`${service.url}${response.headers.get('location')}/tfjs/model.json`);
    expect(tfjs.status).toBe(404);
    expect(((await tfjs.json()) as Problem).detail).toContain('GroupNormalization "norm" was left out');
  });

  it('is the only thing that the choices affect', async () => {
    const response = await post(service.url, { architecture: normed, unsupported: 'ignore' });
    const { errors } = (await response.json()) as Problem;
    expect(errors?.map(({ path }) => path)).toEqual(['/unsupported']);
  });
});

it('a record warns of weights that are used more than once', async () => {
  const { model } = kerasNetworks('keras3').get('shared_layers')!;
  const response = await post(service.url, { architecture: { keras: model } });
  const { warnings } = await recordOf(response);
  const codes = warnings.map(({ code }) => code);
  expect(codes.filter((code) => code === 'shared_weights')).toHaveLength(2);
  expect(response.headers.get('x-ghn-warnings')).toBe([...new Set(codes)].join(', '));
  expect(warnings[0]!.message).toMatch(
    /^Conv2D "conv" is used more than once .* its node is at the first use$/,
  );
});
