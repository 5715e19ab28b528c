import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../../helpers/service.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from './server.js';

describe.skipIf(NO_SERVER)(`weights from the bucket itself${NO_SERVER ? ` (${NO_SERVER})` : ''}`, () => {
  let server: S3Server;
  let service: TestService;
  beforeAll(async () => {
    server = await startS3();
    service = await startService({
      STORE: `s3://${BUCKET}/delivery`,
      S3_ENDPOINT: server.endpoint,
      S3_PUBLIC_ENDPOINT: server.endpoint.replace('127.0.0.1', 'localhost'),
    });
  });
  afterAll(async () => {
    await service?.stop();
    await server?.stop();
  });

  /** Each answer is read to its end: the service waits for that when it stops. */
  const ask = async (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) => {
    const response = await fetch(service.url + path, { headers, redirect: 'manual', ...init });
    const body = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, body };
  };
  const bytesAt = async (address: string, headers: Record<string, string> = {}) =>
    Buffer.from(await (await fetch(address, { headers })).arrayBuffer());
  const recordAt = async (path: string) =>
    JSON.parse((await ask(path)).body.toString()) as { status: string; generation: string };
  /** The path of a prediction whose blocks are objects of their own, or stand in the commit. */
  async function predicted(body: object): Promise<string> {
    const response = await fetch(`${service.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ architecture: 'squeezenet1_1', ...body }),
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    const path = response.headers.get('location')!;
    await expect.poll(async () => (await recordAt(path)).status).toBe('succeeded');
    return path;
  }
  const redirect = { prefer: 'redirect' };

  it('are the same as from the service, whole and by ranges', async () => {
    const path = await predicted({ format: 'tiled' });
    const own = (await ask(`${path}/weights`)).body;
    const answer = await ask(`${path}/weights`, redirect);
    expect(answer.status).toBe(307);
    expect(answer.headers.get('preference-applied')).toBe('redirect');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const address = answer.headers.get('location')!;
    expect(new URL(address).hostname).toBe('localhost');
    const stored = await fetch(address);
    expect(stored.status).toBe(200);
    expect(stored.headers.get('content-disposition')).toContain('squeezenet1_1.safetensors');
    expect(stored.headers.get('cache-control')).toBe('max-age=31536000, immutable');
    expect(Buffer.from(await stored.arrayBuffer()).equals(own)).toBe(true);
    const part = await bytesAt(address, { range: 'bytes=1000-1999' });
    expect(part.equals(own.subarray(1000, 2000))).toBe(true);
    const followed = await ask(`${path}/weights`, redirect, { redirect: 'follow' });
    expect(followed.body.equals(own)).toBe(true);
  });

  it('come from the service if the bucket does not have them in that form', async () => {
    const path = await predicted({ format: 'tiled' });
    for (const query of ['format=safetensors', 'dtype=F16', 'tensors=*', 'rank=0&world_size=2']) {
      const answer = await ask(`${path}/weights?${query}`, redirect);
      expect([query, answer.status]).toEqual([query, 200]);
    }
    expect((await ask(`${path}/weights`, redirect, { method: 'HEAD' })).status).toBe(200);
    expect((await ask(`${path}/weights`, { prefer: 'redirected' })).status).toBe(200);
  });

  it('may be cached permanently only under an address with their generation', async () => {
    const path = await predicted({ format: 'tiled' });
    const { generation } = await recordAt(path);
    const tensor = `${path}/tensors/features.0.weight`;
    for (const address of [`${path}/weights`, tensor]) {
      const named = await ask(`${address}?generation=${generation}`);
      expect(named.status).toBe(200);
      expect(named.headers.get('cache-control')).toBe('max-age=31536000, immutable');
      const etag = named.headers.get('etag')!;
      const unchanged = await ask(`${address}?generation=${generation}`, { 'if-none-match': etag });
      expect([unchanged.status, unchanged.headers.get('cache-control')]).toEqual([
        304,
        'max-age=31536000, immutable',
      ]);
      expect((await ask(address)).headers.get('cache-control')).toBeNull();
      const failed = await ask(`${address}?generation=${generation}`, { range: 'bytes=999999999-' });
      expect([failed.status, failed.headers.get('cache-control')]).toEqual([416, null]);
      expect((await ask(`${address}?generation=${'0'.repeat(16)}`)).status).toBe(404);
      expect((await ask(`${address}?generation=none`)).status).toBe(422);
    }
  });
});
