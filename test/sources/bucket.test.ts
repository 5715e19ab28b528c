import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readSettings } from '../../src/settings/settings.js';
import { parseSource, readSourceEnvironment, SourceError } from '../../src/sources/index.js';
import { ObjectBucket } from '../../src/store/s3/bucket.js';
import { checkpointFile } from '../helpers/service.js';
import { type S3Proxy, startProxy } from '../store/s3/proxy.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from '../store/s3/server.js';

const KEY = 'models/a key.pt';
const TEXT = `s3://${BUCKET}/${KEY}`;

const first = await readFile(checkpointFile('ghn2-nano.pt'));
const second = await readFile(checkpointFile('logah-nano.pt'));

describe.skipIf(NO_SERVER)(`a checkpoint in a bucket${NO_SERVER ? ` (${NO_SERVER})` : ''}`, () => {
  let server: S3Server;
  let proxy: S3Proxy;
  let objects: ObjectBucket;
  let folder: string;
  beforeAll(async () => {
    server = await startS3();
    proxy = await startProxy(server.port);
    objects = new ObjectBucket({ bucket: BUCKET, prefix: '', endpoint: server.endpoint });
  });
  afterAll(async () => {
    objects?.close();
    await proxy?.stop();
    await server?.stop();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ghn-bucket-'));
    proxy.decide(() => 'answered');
    await objects.put(KEY, first);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const notices: string[] = [];
  const locate = (text: string, variables: Record<string, string> = {}) =>
    parseSource(text).source.locate({
      environment: readSourceEnvironment({
        XDG_CACHE_HOME: folder,
        S3_ENDPOINT: proxy.endpoint,
        ...variables,
      }),
      signal: new AbortController().signal,
      onProgress: () => {},
      onNotice: (message) => notices.push(message),
      retryDelays: [0, 0],
    });
  const gets = () => proxy.requests.filter((what) => what.startsWith('GET')).length;

  it('is downloaded once, and again if there is a new version', async () => {
    const path = await locate(TEXT);
    expect((await readFile(path)).equals(first)).toBe(true);
    expect(await locate(TEXT)).toBe(path);
    expect(gets()).toBe(1);
    await objects.put(KEY, second);
    expect((await readFile(await locate(TEXT))).equals(second)).toBe(true);
    expect(gets()).toBe(2);
  });

  it('comes from the cache if the bucket is unreachable, with a notice', async () => {
    const path = await locate(TEXT);
    proxy.decide(() => 'lost');
    expect(await locate(TEXT)).toBe(path);
    expect(notices.at(-1)).toMatch(/cannot be reached.*the copy of .* in the cache is used/);
    await rm(folder, { recursive: true });
    await expect(locate(TEXT)).rejects.toThrow(/^s3:.*cannot be reached/);
  });

  it('that does not exist gives a remedy', async () => {
    await expect(locate(`s3://${BUCKET}/nothing.pt`)).rejects.toThrow(/there is no such object; check/);
    await expect(locate(TEXT, { HF_HUB_OFFLINE: '1' })).rejects.toThrow(/HF_HUB_OFFLINE forbids/);
    await objects.put('page.pt', Buffer.from('<html>sign in</html>'));
    await expect(locate(`s3://${BUCKET}/page.pt`)).rejects.toThrow(SourceError);
    for (const text of ['s3://', 's3://bucket', 's3://bucket/', 's3://B/x.pt', 'S3:/x']) {
      expect(() => parseSource(text)).toThrow(/is not an object in a bucket; write s3:\/\/bucket\/key/);
    }
  });

  it('is continued after its connection broke', async () => {
    let broken = 0;
    proxy.decide((_, what) => (what.startsWith('GET') && broken++ === 0 ? 'answer lost' : 'answered'));
    expect((await readFile(await locate(TEXT))).equals(first)).toBe(true);
  });

  it('can be named in the settings, by its own id or another, with a directory as the store', async () => {
    const { GHN_CHECKPOINTS } = readSettings({
      GHN_CHECKPOINTS: `mine=${TEXT},s3://${BUCKET}/ghn3-xl.pt`,
      S3_ENDPOINT: 'http://127.0.0.1:7070',
      STORE: 'data',
    });
    expect(GHN_CHECKPOINTS!.map(({ id }) => id)).toEqual(['mine', 'ghn3-xl']);
  });
});
