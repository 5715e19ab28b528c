import { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, json, post } from '../helpers/http.js';
import { startService, type TestService } from '../helpers/service.js';

const KEY = 'hf_secret';
const headers = { authorization: `Bearer ${KEY}` };
const REPOSITORY = 'ghn3-nano/squeezenet1_1';
const OPTIONS = 'num_classes=10,orthogonalize,noise=3e-5,from_layer=20';

let service: TestService;
beforeAll(async () => {
  service = await startService({ API_KEYS: KEY });
});
afterAll(() => service.stop());

const resolve = (file: string, revision = 'main', repository = REPOSITORY) =>
  `${service.url}/${repository}/resolve/${encodeURIComponent(revision)}/${file}`;
const get = (url: string, more: Record<string, string> = {}, method = 'GET') =>
  fetch(url, { method, headers: { ...headers, ...more } });

describe('the service as a hub', () => {
  it('has the same bytes as POST /predict, with the prediction’s id as the commit', async () => {
    const answer = await post(service.url, { architecture: 'squeezenet1_1', ghn: 'ghn3-nano' }, { headers });
    const file = await get(resolve('model.safetensors'));
    expect(await bytesOf(file)).toEqual(await bytesOf(answer));
    expect(answer.headers.get('location')).toBe(`/predictions/${file.headers.get('x-repo-commit')}`);
    expect(file.headers.get('etag')).toBe(answer.headers.get('etag'));
  });

  it('reads the options of a request from a revision', async () => {
    const body = {
      architecture: 'squeezenet1_1',
      ghn: 'ghn3-nano',
      num_classes: 10,
      postprocess: { orthogonalize: true, noise: 3e-5, from_layer: 20 },
    };
    const answer = await post(service.url, body, { headers });
    const head = await get(resolve('model.safetensors', OPTIONS), {}, 'HEAD');
    expect(answer.headers.get('location')).toBe(`/predictions/${head.headers.get('x-repo-commit')}`);
    expect(head.headers.get('content-length')).toBe(answer.headers.get('content-length'));
    const config = await json<{ request: object }>(resolve('config.json', OPTIONS), { headers });
    expect(config.request).toMatchObject({
      postprocess: { orthogonalize: true, noise: 3e-5, from_layer: 20 },
    });
  });

  it('finds a prediction by its id, as a repository and as a revision', async () => {
    const id = (await get(resolve('README.md'), {}, 'HEAD')).headers.get('x-repo-commit')!;
    const card = await (await get(resolve('README.md'))).text();
    expect(await (await get(resolve('README.md', id))).text()).toBe(card);
    expect(await (await get(resolve('README.md', 'main', `ghn3-nano/${id}`))).text()).toBe(card);
    expect((await get(resolve('README.md', id, 'ghn2-nano/squeezenet1_1'))).status).toBe(404);
  });

  it('sends ranges, and nothing if the client has the file', async () => {
    const whole = await bytesOf(await get(resolve('model.safetensors')));
    const part = await get(resolve('model.safetensors'), { range: 'bytes=1000-1999' });
    expect(part.status).toBe(206);
    expect(await bytesOf(part)).toEqual(whole.subarray(1000, 2000));
    const etag = part.headers.get('etag')!;
    expect((await get(resolve('model.safetensors'), { 'if-none-match': etag })).status).toBe(304);
  });

  it.each([
    [
      'RepoNotFound',
      () => resolve('model.safetensors', 'main', 'ghn3-nano/squeeznet'),
      'did you mean "squeezenet',
    ],
    ['RepoNotFound', () => resolve('model.safetensors', 'main', 'ghn9/squeezenet1_1'), 'no GHN has the id'],
    ['RevisionNotFound', () => resolve('model.safetensors', 'classes=10'), 'did you mean "num_classes"'],
    ['RevisionNotFound', () => resolve('model.safetensors', 'num_classes=ten'), 'num_classes'],
    ['RevisionNotFound', () => resolve('model.safetensors', '0'.repeat(32)), 'no prediction'],
    [
      'EntryNotFound',
      () => resolve('pytorch_model.bin'),
      'there are README.md, config.json, model.safetensors',
    ],
  ])('answers %s for %s', async (code, url, message) => {
    const answer = await get(url());
    expect(answer.status).toBe(404);
    expect(answer.headers.get('x-error-code')).toBe(code);
    expect(((await answer.json()) as { detail: string }).detail).toContain(message);
  });

  it('requires the key, like every route', async () => {
    expect((await fetch(resolve('model.safetensors'))).status).toBe(401);
    expect((await fetch(`${service.url}/api/models/${REPOSITORY}`)).status).toBe(401);
  });

  it('works with @huggingface/hub', async () => {
    const hub = { hubUrl: service.url, accessToken: KEY, repo: REPOSITORY };
    const files: string[] = [];
    for await (const { path, size } of listFiles({ ...hub, recursive: true })) {
      files.push(path);
      expect(size).toBe(Number((await get(resolve(path), {}, 'HEAD')).headers.get('content-length')));
    }
    expect(files).toEqual(['README.md', 'config.json', 'model.safetensors']);
    const file = await downloadFile({ ...hub, path: 'model.safetensors', revision: OPTIONS });
    expect(new Uint8Array(await file!.arrayBuffer())).toEqual(
      await bytesOf(await get(resolve('model.safetensors', OPTIONS))),
    );
    const info = await modelInfo({ hubUrl: service.url, accessToken: KEY, name: REPOSITORY });
    expect(info.name).toBe(REPOSITORY);
  });
});
