import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseSource, readSourceEnvironment } from '../../src/sources/index.js';
import type { Progress } from '../../src/sources/source.js';
import { type Cut, type SmallHub, sha256, startHub } from '../helpers/hub.js';
import { checkpointFile } from '../helpers/service.js';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const TOKEN = 'hf_secret';

/** Number of bytes of the file received so far. */
let receivedBytes = 0;
const cutAfter = (bytes: number): Cut => ({
  bytes,
  received: (position) => expect.poll(() => receivedBytes).toBeGreaterThanOrEqual(position),
});

/** Delays of two retries without waiting. */
const AT_ONCE = [0, 0];

let checkpoint: Buffer;
let digest: string;
let hub: SmallHub;
let folder: string;
beforeAll(async () => {
  checkpoint = await readFile(checkpointFile('ghn3-nano.pt'));
  digest = sha256(checkpoint);
  const text = (content: string) => ({ bytes: Buffer.from(content) });
  hub = await startHub({
    'SamsungSAILMontreal/ghn3': { commit: COMMIT, files: { 'ghn3tm8.pt': { bytes: checkpoint } } },
    'o/r': {
      commit: COMMIT,
      files: {
        'ghn3.pt': { bytes: checkpoint },
        'deep/er/ghn3.pt': { bytes: checkpoint },
        'changed.pt': { bytes: checkpoint, sha256: 'ab'.repeat(32) },
        'page.pt': {
          bytes: Buffer.from('<!DOCTYPE html><p>Sign in'),
          contentType: 'text/html; charset=utf-8',
        },
        'page-as-bytes.pt': text('<!DOCTYPE html><p>Sign in'),
        'pointer.pt': text('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'),
        'empty.pt': text(''),
      },
    },
    'o/private': { commit: COMMIT, files: { 'ghn3.pt': { bytes: checkpoint } }, token: TOKEN },
    'o/gated': { commit: COMMIT, files: {}, isGated: true },
  });
});
afterAll(() => hub.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-hub-'));
  hub.requests.length = 0;
  hub.cuts.length = 0;
  receivedBytes = 0;
  return () => rm(folder, { recursive: true });
});

interface Located {
  readonly path: string;
  readonly progress: readonly Progress[];
  readonly notices: readonly string[];
}

async function locate(text: string, variables: Readonly<Record<string, string>> = {}): Promise<Located> {
  const progress: Progress[] = [];
  const notices: string[] = [];
  const path = await parseSource(text).source.locate({
    environment: readSourceEnvironment({ HF_HOME: folder, HF_ENDPOINT: hub.endpoint, ...variables }),
    signal: new AbortController().signal,
    onProgress: (each) => {
      progress.push(each);
      ({ receivedBytes } = each);
    },
    onNotice: (message) => notices.push(message),
    retryDelays: AT_ONCE,
  });
  return { path, progress, notices };
}

const refusal = (text: string, variables?: Readonly<Record<string, string>>) =>
  locate(text, variables).then(
    ({ path }) => `it is at ${path}`,
    (error: Error) => error.message,
  );

const repositoryFolder = () => join(folder, 'hub', 'models--o--r');
const blobs = () => readdir(join(repositoryFolder(), 'blobs'));

describe('a file of a hub', () => {
  it('is downloaded into the cache in the layout of the hub’s own tools', async () => {
    const { path, progress } = await locate('hf://o/r/ghn3.pt');
    expect(path).toBe(join(repositoryFolder(), 'snapshots', COMMIT, 'ghn3.pt'));
    expect(sha256(await readFile(path))).toBe(digest);
    expect(await readlink(path)).toBe(`../../blobs/${digest}`);
    expect(await readFile(join(repositoryFolder(), 'refs', 'main'), 'utf8')).toBe(COMMIT);
    expect(await blobs()).toEqual([digest]);
    expect(progress.at(-1)).toEqual({
      source: 'hf://o/r/ghn3.pt',
      receivedBytes: checkpoint.length,
      totalBytes: checkpoint.length,
    });
  });

  it('is read from the cache afterwards, without a request', async () => {
    const { path } = await locate('hf://o/r/ghn3.pt');
    hub.requests.length = 0;
    expect((await locate('hf://o/r/ghn3.pt')).path).toBe(path);
    expect((await locate(`hf://o/r@${COMMIT}/ghn3.pt`)).path).toBe(path);
    expect(
      (await locate('hf://o/r/ghn3.pt', { HF_HUB_OFFLINE: '1', HF_ENDPOINT: 'http://127.0.0.1:1' })).path,
    ).toBe(path);
    expect(hub.requests).toEqual([]);
  });

  it('shares its contents with other files and revisions', async () => {
    await locate('hf://o/r/ghn3.pt');
    hub.requests.length = 0;
    const { path } = await locate('hf://o/r@refs/pr/1/deep/er/ghn3.pt');
    expect(await readlink(path)).toBe(`../../../../blobs/${digest}`);
    expect(await readFile(join(repositoryFolder(), 'refs', 'refs', 'pr', '1'), 'utf8')).toBe(COMMIT);
    expect(hub.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('has a short name if it is a published GHN', async () => {
    const { source } = parseSource('ghn3-t');
    expect(source.id).toBe('ghn3-t');
    const { path } = await locate('ghn3-t');
    expect(path).toMatch(/models--SamsungSAILMontreal--ghn3\/snapshots\/\w+\/ghn3tm8\.pt$/);
    expect(await refusal('ghn3-m')).toMatch(
      /no such file.*ghn3-t, ghn3-s, ghn3-l, ghn3-xl; did you mean "ghn3-/,
    );
  });

  it('is continued after the connection broke, and complete at the end', async () => {
    hub.cuts.push(cutAfter(1000), cutAfter(2000));
    const { path } = await locate('hf://o/r/ghn3.pt');
    expect(sha256(await readFile(path))).toBe(digest);
    const ranges = hub.requests.filter(({ server }) => server === 'contents').map(({ range }) => range);
    expect(ranges).toEqual([undefined, 'bytes=1000-', 'bytes=3000-']);
  });

  it('is continued by the next start after the last one gave up', async () => {
    hub.cuts.push(cutAfter(1000), cutAfter(0), cutAfter(0), cutAfter(0));
    expect(await refusal('hf://o/r/ghn3.pt')).toMatch(/cannot be reached|ended the connection/);
    expect(await blobs()).toEqual([`${digest}.incomplete`]);
    expect((await lstat(join(repositoryFolder(), 'blobs', `${digest}.incomplete`))).size).toBe(1000);
    hub.requests.length = 0;
    const { path } = await locate('hf://o/r/ghn3.pt');
    expect(sha256(await readFile(path))).toBe(digest);
    expect(hub.requests.at(-1)!.range).toBe('bytes=1000-');
  });

  it('is downloaded again if the earlier part of it is different', async () => {
    await mkdir(join(repositoryFolder(), 'blobs'), { recursive: true });
    await writeFile(join(repositoryFolder(), 'blobs', `${digest}.incomplete`), Buffer.alloc(500, 'x'));
    const { path, notices } = await locate('hf://o/r/ghn3.pt');
    expect(sha256(await readFile(path))).toBe(digest);
    expect(notices).toEqual([expect.stringMatching(/does not match the rest.*downloaded again/)]);
  });

  it('is downloaded by two processes at once, and both have it', async () => {
    const [one, other] = await Promise.all([locate('hf://o/r/ghn3.pt'), locate('hf://o/r/ghn3.pt')]);
    expect(one.path).toBe(other.path);
    expect(sha256(await readFile(one.path))).toBe(digest);
  });

  it('is downloaded with the token, which no other host receives', async () => {
    const { path } = await locate('hf://o/private/ghn3.pt', { HF_TOKEN: ` ${TOKEN}\n` });
    expect(sha256(await readFile(path))).toBe(digest);
    expect(new Set(hub.requests.map(({ server, authorization }) => `${server} ${authorization}`))).toEqual(
      new Set([`hub Bearer ${TOKEN}`, 'contents undefined']),
    );
  });

  it('is downloaded with the token of HF_TOKEN_PATH, or of the file that signing in creates', async () => {
    const tokenPath = join(folder, 'my-token');
    await writeFile(tokenPath, `${TOKEN}\n`);
    await locate('hf://o/private/ghn3.pt', { HF_TOKEN_PATH: tokenPath });
    await rm(join(folder, 'hub'), { recursive: true });
    await writeFile(join(folder, 'token'), TOKEN);
    await locate('hf://o/private/ghn3.pt');
  });

  it('is put where HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME say', async () => {
    const cache = join(folder, 'elsewhere');
    expect((await locate('hf://o/r/ghn3.pt', { HF_HUB_CACHE: cache })).path).toContain(
      `${cache}/models--o--r`,
    );
    const environment = readSourceEnvironment({ XDG_CACHE_HOME: '/x', HF_HOME: '' });
    expect(environment).toMatchObject({ hubCache: '/x/huggingface/hub', urlCache: '/x/ghn-serve/urls' });
    expect(readSourceEnvironment({ HF_HOME: '$DATA/hf', DATA: '/d' }).hubCache).toBe('/d/hf/hub');
  });
});

describe('a hub that does not give the file', () => {
  it.each([
    ['hf://o/r/other.pt', /^hf:\/\/o\/r\/other\.pt: the repository o\/r has no file other\.pt at main/],
    ['hf://o/r@v9/ghn3.pt', /the repository o\/r has no branch, tag or commit v9/],
    ['hf://o/missing/ghn3.pt', /has no repository o\/missing, or it is private: .*set HF_TOKEN/],
    ['hf://o/gated/ghn3.pt', /the repository o\/gated is gated: accept its terms at http.*\/o\/gated/],
    ['hf://o/r/changed.pt', /wrong digest: the hub says sha256 (?:ab){32}, it is [0-9a-f]{64}/],
    ['hf://o/r/page.pt', /web page/],
    ['hf://o/r/page-as-bytes.pt', /the downloaded file is a web page/],
    ['hf://o/r/pointer.pt', /the downloaded file is a pointer of git-lfs/],
    ['hf://o/r/empty.pt', /the downloaded file is empty/],
  ])('is reported with the reason: %s', async (text, message) => {
    expect(await refusal(text)).toMatch(message);
    expect(await blobs().catch(() => [])).toEqual([]);
  });

  it('is distinguished from one that does not accept the token', async () => {
    expect(await refusal('hf://o/private/ghn3.pt', { HF_TOKEN: 'hf_other' })).toMatch(
      /has no repository o\/private, or it is private: .*the token \(HF_TOKEN, HF_TOKEN_PATH\) does not open it/,
    );
  });

  it('is distinguished from a missing network', async () => {
    const closed = await startHub({});
    await closed.close();
    const message = await refusal('hf://o/r/ghn3.pt', { HF_ENDPOINT: closed.endpoint });
    expect(message).toMatch(
      /127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED.*check the network.*the cache .* does not have it/,
    );
    expect(await refusal('hf://o/r/ghn3.pt', { HF_ENDPOINT: 'http://no.such.host.invalid' })).toMatch(
      /no\.such\.host\.invalid cannot be reached/,
    );
  });

  it('is not asked if HF_HUB_OFFLINE is set', async () => {
    const message = await refusal('hf://o/r/ghn3.pt', { HF_HUB_OFFLINE: 'true' });
    expect(message).toMatch(/not in the cache .*HF_HUB_OFFLINE.*ghn-serve fetch/);
    expect(hub.requests).toEqual([]);
  });

  it('is distinguished from a server that is not a hub', async () => {
    expect(await refusal('hf://o/r/ghn3.pt', { HF_ENDPOINT: `${hub.contents}/o/r/ghn3.pt?` })).toMatch(
      /did not answer as a hub does/,
    );
  });

  it('is distinguished from a directory, and from a cache that cannot be written to', async () => {
    await locate('hf://o/r/deep/er/ghn3.pt');
    expect(await refusal('hf://o/r/deep')).toMatch(/is not a file but a directory/);
    await writeFile(join(folder, 'file'), '');
    expect(await refusal('hf://o/r/ghn3.pt', { HF_HOME: join(folder, 'file') })).toMatch(
      /cannot be written: .*HF_HOME sets another folder/,
    );
  });
});

describe('an address of a hub', () => {
  it.each([
    ['hf://o/r', /names no file/],
    ['hf://o/r/', /names no file/],
    ['hf://o/r@main', /names no file/],
    ['hf://o/r@/f.pt', /names no revision/],
    ['hf://o', /names no repository/],
    ['hf:///r/f.pt', /names no owner/],
    ['hf://datasets/o/r/f.pt', /not from datasets/],
    ['hf://o/r/folder/', /names a directory/],
    ['hf://o/r/../f.pt', /not a file of a repository/],
  ])('is refused with the correct form: %s', (text, message) => {
    expect(() => parseSource(text)).toThrow(message);
    expect(() => parseSource(text)).toThrow('write hf://owner/repository[@revision]/file');
  });
});
