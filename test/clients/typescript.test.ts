import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dataOf,
  expandTiled,
  GhnServeClient,
  type PredictionEvent,
  ProblemError,
  readSafetensors,
  toFloat32,
} from '../../clients/typescript/src/index.js';
import { startService, type TestService } from '../helpers/service.js';

describe('the TypeScript client', () => {
  let service: TestService;
  let client: GhnServeClient;
  beforeAll(async () => {
    service = await startService({ API_KEYS: 'key' });
    client = new GhnServeClient({ baseUrl: `${service.url}/`, key: 'key' });
  });
  afterAll(() => service.stop());

  it('predicts and reads the weights', async () => {
    const { id, bytes, etag } = await client.predict({ architecture: 'squeezenet1_1', num_classes: 10 });
    const { tensors, metadata } = readSafetensors(bytes);
    expect(tensors.get('features.0.weight')!.shape).toEqual([64, 3, 3, 3]);
    expect(metadata.prediction).toBe(id);
    expect(etag).toMatch(/^".+"$/);
    const statistics = await dataOf(
      client.api.GET('/predictions/{id}/statistics', { params: { path: { id } } }),
    );
    const values = toFloat32(tensors.get('features.0.weight')!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(statistics.tensors.find(({ name }) => name === 'features.0.weight')!.mean).toBeCloseTo(mean, 6);
  });

  it('waits for a prediction by its events', async () => {
    const { id, status } = await client.begin({ architecture: 'mnasnet0_5', num_classes: 10 });
    expect(['queued', 'running', 'succeeded']).toContain(status);
    const events: PredictionEvent[] = [];
    const record = await client.wait(id, { onEvent: (event) => events.push(event) });
    expect(record).toMatchObject({ id, status: 'succeeded', architecture: { name: 'mnasnet0_5' } });
    expect(events.at(-1)).toMatchObject({ type: 'record', record: { status: 'succeeded' } });
  });

  it('expands a tiled transfer to the same weights', async () => {
    const { id } = await client.predict({ architecture: 'resnet18', num_classes: 10 });
    const [whole, tiled] = await Promise.all([client.weights(id), client.weights(id, { tiled: true })]);
    const names: string[] = [];
    for (const [name, { shape, data }] of expandTiled(tiled)) {
      names.push(name);
      expect(shape).toEqual(whole.tensors.get(name)!.shape);
      expect(Buffer.from(data.buffer).equals(Buffer.from(toFloat32(whole.tensors.get(name)!).buffer))).toBe(
        true,
      );
    }
    expect(names.sort()).toEqual([...whole.tensors.keys()].sort());
  });

  it('downloads some tensors, and some values of one', async () => {
    const { id } = await client.predict({ architecture: 'resnet18', num_classes: 10 });
    const { tensors } = await client.weights(id, { tensors: ['layer1.0.*', 'fc.weight'] });
    expect([...tensors.keys()].every((name) => /^(layer1\.0\.|fc\.weight$)/.test(name))).toBe(true);
    const values = toFloat32(tensors.get('fc.weight')!);
    expect(await client.tensorValues(id, 'fc.weight', 100, 228)).toEqual(values.slice(100, 228));
  });

  it('widens F16 and BF16 exactly', async () => {
    for (const dtype of ['F16', 'BF16'] as const) {
      const { bytes } = await client.predict({ architecture: 'squeezenet1_1', num_classes: 10, dtype });
      const half = readSafetensors(bytes).tensors.get('features.0.weight')!;
      const { id } = await client.predict({ architecture: 'squeezenet1_1', num_classes: 10 });
      const full = toFloat32(
        (await client.weights(id, { tensors: ['features.0.weight'] })).tensors.get('features.0.weight')!,
      );
      const relative = dtype === 'F16' ? 2 ** -11 : 2 ** -8;
      expect(half.dtype).toBe(dtype);
      toFloat32(half).forEach((value, k) => {
        expect(Math.abs(value - full[k])).toBeLessThanOrEqual(Math.abs(full[k]) * relative + 2 ** -25);
      });
    }
  });

  it('throws the service’s problem', async () => {
    const refused = client.predict({ architecture: 'resnet51' });
    await expect(refused).rejects.toBeInstanceOf(ProblemError);
    await expect(refused).rejects.toMatchObject({ status: 404, requestId: expect.any(String) });
    await expect(
      dataOf(client.api.GET('/predictions/{id}', { params: { path: { id: '0'.repeat(32) } } })),
    ).rejects.toMatchObject({
      status: 404,
    });
    const stranger = new GhnServeClient({ baseUrl: service.url });
    await expect(stranger.begin({ architecture: 'resnet18' })).rejects.toMatchObject({ status: 401 });
  });

  it('continues to wait when the connection breaks', async () => {
    let broken = 0;
    const unsteady: typeof fetch = async (...args) => {
      if (String(args[0]).endsWith('/events') && broken++ === 0) throw new TypeError('fetch failed');
      return fetch(...args);
    };
    const other = new GhnServeClient({ baseUrl: service.url, key: () => 'key', fetch: unsteady });
    const { id } = await other.begin({ architecture: 'squeezenet1_0', num_classes: 10 });
    expect(await other.wait(id)).toMatchObject({ status: 'succeeded' });
    expect(broken).toBe(2);
  });
});
