import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyGraph } from '../../architecture/fixtures.js';
import { startService, type TestService } from '../../helpers/service.js';
import { type S3Proxy, startProxy } from './proxy.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from './server.js';

describe.skipIf(NO_SERVER)(`services that share a bucket${NO_SERVER ? ` (${NO_SERVER})` : ''}`, () => {
  let server: S3Server;
  let proxy: S3Proxy;
  let services: TestService[];
  beforeAll(async () => {
    server = await startS3();
    proxy = await startProxy(server.port);
    services = await Promise.all(
      [server.endpoint, proxy.endpoint].map((S3_ENDPOINT) =>
        startService({ STORE: `s3://${BUCKET}/shared`, S3_ENDPOINT }),
      ),
    );
  });
  afterAll(async () => {
    proxy?.decide(() => 'answered');
    await Promise.all((services ?? []).map((service) => service.stop()));
    await proxy?.stop();
    await server?.stop();
  });

  const ask = (k: number, path: string, init?: RequestInit) => fetch(services[k].url + path, init);
  const predict = (k: number, seed: number) =>
    ask(k, '/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ architecture: tinyGraph(), seed }),
    });
  const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

  it('answer with predictions that any of them has made, and forget those that any of them has deleted', async () => {
    const made = await predict(0, 1);
    expect(made.status).toBe(200);
    const [path, etag] = [made.headers.get('location')!, made.headers.get('etag')!];
    const body = await bytesOf(made);
    const record = {
      ...((await (await ask(0, path)).json()) as object),
      // The time that the answer took is written into it later.
      latency_ms: expect.anything(),
    };
    expect(record).toMatchObject({ status: 'succeeded', digest: expect.stringMatching(/^sha256:/) });

    const again = await predict(1, 1);
    expect(again.headers.get('etag')).toBe(etag);
    expect((await bytesOf(again)).equals(body)).toBe(true);
    const part = await ask(1, `${path}/weights`, { headers: { range: 'bytes=100-299', 'if-range': etag } });
    expect(part.status).toBe(206);
    expect((await bytesOf(part)).equals(body.subarray(100, 300))).toBe(true);
    expect(await (await ask(1, path)).json()).toEqual(record);
    const graph = await (await ask(1, `${path}/architecture`)).json();
    expect(graph).toMatchObject({ edges: tinyGraph().edges });
    expect(await (await ask(1, '/predictions')).json()).toEqual({ predictions: [record], next_cursor: null });

    expect((await ask(1, path, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(0, path)).status).toBe(404);
    expect(await (await ask(0, '/predictions')).json()).toMatchObject({ predictions: [] });
  });

  it('answer 503 while the bucket is unreachable, and recover by themselves', async () => {
    const made = await predict(0, 2);
    await made.arrayBuffer();
    const path = made.headers.get('location')!;
    await (await ask(0, path)).json();
    proxy.decide(() => 'lost');
    for (const answer of [await ask(1, path), await predict(1, 2), await ask(1, '/predictions')]) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBeTruthy();
      await answer.arrayBuffer();
    }
    expect((await ask(1, '/readyz')).status).toBe(200);
    proxy.decide(() => 'answered');
    const back = await predict(1, 2);
    expect(back.status).toBe(200);
    expect(back.headers.get('etag')).toBe(made.headers.get('etag'));
    await back.arrayBuffer();
  });
});
