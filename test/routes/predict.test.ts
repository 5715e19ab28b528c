import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureGraph, tinyGraph } from '../architecture/fixtures.js';
import { parseSafetensors } from '../format/files.js';
import { bytesOf, json, post, predicted, tensorsOf } from '../helpers/http.js';
import { isRounded } from '../helpers/rounding.js';
import { checkpointFile, holdEngine, startService, type TestService } from '../helpers/service.js';

let service: TestService;
let url: string;
beforeAll(async () => {
  service = await startService();
  url = service.url;
});
afterAll(() => service.stop());

const squeezenet = fixtureGraph('squeezenet1_1-10');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('an answer', () => {
  it('is a file with a length, a name, a strong etag, an address and the latency by stage', async () => {
    const response = await post(url, { architecture: tinyGraph() });
    const bytes = await bytesOf(response);
    const header = (name: string) => response.headers.get(name);
    expect(response.status).toBe(200);
    expect(header('content-type')).toBe('application/octet-stream');
    expect(header('content-length')).toBe(String(bytes.length));
    expect(header('content-disposition')).toBe('attachment; filename="tiny.safetensors"');
    expect(header('etag')).toMatch(/^"[^"]+"$/);
    expect(header('location')).toMatch(/^\/predictions\/[0-9a-f]{32}$/);
    expect(header('server-timing')).toMatch(
      /^parse;dur=[\d.]+, graph;dur=[\d.]+, encode;dur=[\d.]+, decode;dur=[\d.]+, postprocess;dur=0.00$/,
    );
  });

  it('describes itself in its metadata', async () => {
    const response = await post(url, { architecture: tinyGraph(), ghn: 'ghn2-nano' });
    const { metadata } = parseSafetensors(await bytesOf(response));
    const { ghns } = await json<{ ghns: { id: string; digest: string }[] }>(`${url}/ghns`);
    expect(metadata).toEqual({
      format: 'pt',
      ghn: 'ghn2-nano',
      ghn_digest: ghns.find(({ id }) => id === 'ghn2-nano')!.digest,
      architecture: 'tiny',
      postprocess: 'null',
      prediction: response.headers.get('location')!.replace('/predictions/', ''),
    });
  });

  it('names the GHN only by its digest if the request does not name it', async () => {
    const unnamed = await post(url, { architecture: tinyGraph() });
    const named = await post(url, { architecture: tinyGraph(), ghn: 'ghn3-nano' });
    const { metadata } = parseSafetensors(await bytesOf(unnamed));
    expect(metadata).not.toHaveProperty('ghn');
    const other = parseSafetensors(await bytesOf(named)).metadata as Record<string, string>;
    expect(other).toMatchObject({ ghn: 'ghn3-nano', ghn_digest: metadata!.ghn_digest });
    expect(named.headers.get('location')).not.toBe(unnamed.headers.get('location'));
    const record = await json<{ request: { ghn: string } }>(`${url}${unnamed.headers.get('location')}`);
    expect(record.request.ghn).toBe('ghn3-nano');
  });

  it('has the predicted tensors in the order of the state dict', async () => {
    const { tensors } = parseSafetensors(await bytesOf(await post(url, { architecture: squeezenet })));
    const owned = new Set(squeezenet.nodes.flatMap(({ weight, bias }) => [weight?.name, bias?.name]));
    expect(tensors.map(({ name, shape }) => ({ name, shape }))).toEqual(
      squeezenet
        .state_dict!.filter(({ name }) => owned.has(name))
        .map(({ name, shape }) => ({ name, shape })),
    );
  });

  it('has a safe file name, whatever the network’s name is', async () => {
    const architecture = { ...tinyGraph(), name: '../„net“ 1\\"2; x=é' };
    const response = await post(url, { architecture });
    expect(response.headers.get('content-disposition')).toBe(
      'attachment; filename=".._net_1_2_x_.safetensors"',
    );
    await bytesOf(response);
  });

  it('comes from the requested GHN, by default the first that is loaded', async () => {
    const [first, named, other] = [
      await tensorsOf(await post(url, { architecture: tinyGraph() })),
      await tensorsOf(await post(url, { architecture: tinyGraph(), ghn: 'ghn3-nano' })),
      await tensorsOf(await post(url, { architecture: tinyGraph(), ghn: 'ghn2-nano' })),
    ];
    expect(named).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('leaves the classifier out on request', async () => {
    const body = await tensorsOf(await post(url, { architecture: tinyGraph(), predict_classifier: false }));
    expect([...body.keys()]).toEqual(['conv1.weight', 'bn1.weight', 'bn1.bias']);
  });

  it('is the same for a network that is given as layers', async () => {
    const layers = [
      { name: 'conv1', type: 'Conv2d', in_channels: 3, out_channels: 16, kernel_size: 3, bias: false },
      { name: 'bn1', type: 'BatchNorm2d', num_features: 16 },
      { name: 'pool', type: 'MaxPool2d', kernel_size: 2 },
      { name: 'gap', type: 'AdaptiveAvgPool2d' },
      { name: 'fc', type: 'Linear', in_features: 16, out_features: 10 },
    ];
    const fromLayers = await tensorsOf(await post(url, { architecture: { name: 'tiny', layers } }));
    expect(fromLayers).toEqual(await tensorsOf(await post(url, { architecture: tinyGraph() })));
  });
});

describe.each(['F16', 'BF16'] as const)('%s', (dtype) => {
  it('is F32 rounded to nearest, ties to even', async () => {
    const whole = await tensorsOf(await post(url, { architecture: squeezenet }));
    const { tensors } = parseSafetensors(await bytesOf(await post(url, { architecture: squeezenet, dtype })));
    expect(tensors.map(({ name }) => name)).toEqual([...whole.keys()]);
    for (const tensor of tensors) {
      expect(tensor.dtype).toBe(dtype);
      const rounded = new Uint16Array(tensor.bytes.slice().buffer);
      const values = whole.get(tensor.name)!;
      expect(rounded).toHaveLength(values.length);
      expect(values.every((value, k) => isRounded(value, rounded[k], dtype))).toBe(true);
    }
  });
});

describe('the same request again', () => {
  it('is answered from the store with the same bytes, without the engine', async () => {
    const body = { architecture: tinyGraph(), seed: 1 };
    const first = await post(url, body);
    const bytes = await bytesOf(first);
    // The request is answered before the prediction is stored, and the record once it is stored.
    const record = await json<{ status: string }>(`${url}${first.headers.get('location')}`);
    expect(record.status).toBe('succeeded');
    const computations = await service.total('ghn_serve_computations_total', 'ghn="ghn3-nano"');
    const again = await post(url, body);
    expect(await bytesOf(again)).toEqual(bytes);
    expect(again.headers.get('server-timing')).toBe('store;desc="hit"');
    for (const name of ['etag', 'location', 'content-length', 'content-disposition']) {
      expect(again.headers.get(name)).toBe(first.headers.get(name));
    }
    expect(await service.total('ghn_serve_computations_total', 'ghn="ghn3-nano"')).toBe(computations);
  });

  it('in another form, with explicit defaults, is the same prediction', async () => {
    const graph = tinyGraph();
    const first = await predicted(url, { architecture: graph });
    const again = await predicted(url, {
      format: 'safetensors',
      dtype: 'F32',
      seed: 0,
      postprocess: null,
      predict_classifier: true,
      architecture: { edges: graph.edges.toReversed(), nodes: graph.nodes.toReversed(), name: graph.name },
    });
    expect(again).toBe(first);
  });

  it('from 200 clients at once is computed once, and they all get the same bytes', async () => {
    const body = { architecture: squeezenet, seed: 200, format: 'tiled' };
    const computed = () => service.total('ghn_serve_computations_total', 'ghn="ghn3-nano"');
    const joined = () => service.total('ghn_serve_cache_hits_total', 'how="joined"');
    const before = { computed: await computed(), joined: await joined() };
    const release = holdEngine(service);
    const answers = Promise.all(
      Array.from({ length: 200 }, async () => sha256(await bytesOf(await post(url, body)))),
    );
    await expect.poll(joined, { timeout: 30_000 }).toBe(before.joined + 199);
    release();
    expect(new Set(await answers).size).toBe(1);
    expect(await computed()).toBe(before.computed + 1);
  });

  it('for a remade prediction has another etag, because bytes are the same only on one machine', async () => {
    const body = { architecture: tinyGraph(), seed: 2 };
    const first = await post(url, body);
    const bytes = await bytesOf(first);
    const location = `${url}${first.headers.get('location')}`;
    await json(location);
    await fetch(location, { method: 'DELETE' });
    const again = await post(url, body);
    expect(await bytesOf(again)).toEqual(bytes);
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(again.headers.get('etag')).not.toBe(first.headers.get('etag'));
    const resumed = await fetch(`${location}/weights`, {
      headers: { range: 'bytes=10-19', 'if-range': first.headers.get('etag')! },
    });
    expect(resumed.status).toBe(200);
    await bytesOf(resumed);
  });

  it('to a service with another name for the GHN gives the same bytes under the same id', async () => {
    const other = await startService({ GHN_CHECKPOINTS: `theirs=${checkpointFile('ghn3-nano.pt')}` });
    try {
      const body = { architecture: squeezenet, postprocess: { noise: 3e-5, orthogonalize: true } };
      const [one, two] = [await post(url, body), await post(other.url, body)];
      expect(two.headers.get('location')).toBe(one.headers.get('location'));
      expect(sha256(await bytesOf(two))).toBe(sha256(await bytesOf(one)));
    } finally {
      await other.stop();
    }
  });
});
