import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSource, readSourceEnvironment } from '../../src/sources/index.js';
import { type Cut, type HubFileSpec, sendContents, sha256 } from '../helpers/hub.js';
import { checkpointFile } from '../helpers/service.js';

/** Delays of two retries without waiting. */
const AT_ONCE = [0, 0];

const first = await readFile(checkpointFile('ghn2-nano.pt'));
const second = await readFile(checkpointFile('logah-nano.pt'));

let server: Server;
let url: string;
let folder: string;
let file: HubFileSpec | number;
const cuts: Cut[] = [];
const asked: string[] = [];
let receivedBytes = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-web-'));
  file = { bytes: first };
  cuts.length = 0;
  asked.length = 0;
  receivedBytes = 0;
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers.range ?? ''}`.trim());
    if (typeof file === 'number') response.writeHead(file).end();
    else sendContents(request, response, file, cuts);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/ghn2.pt`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

async function locate(text: string, variables: Readonly<Record<string, string>> = {}) {
  const notices: string[] = [];
  const path = await parseSource(text).source.locate({
    environment: readSourceEnvironment({ XDG_CACHE_HOME: folder, ...variables }),
    signal: new AbortController().signal,
    onProgress: (progress) => {
      ({ receivedBytes } = progress);
    },
    onNotice: (message) => notices.push(message),
    retryDelays: AT_ONCE,
  });
  return { path, notices };
}

const digestAt = async (path: string) => sha256(await readFile(path));

describe('a file at an address', () => {
  it('is kept under its name, in a separate folder for each address', async () => {
    const { path } = await locate(url);
    expect(path).toMatch(new RegExp(`^${folder}/ghn-serve/urls/[0-9a-f]{32}/ghn2\\.pt$`));
    expect(await digestAt(path)).toBe(sha256(first));
    expect((await readdir(join(path, '..'))).sort()).toEqual(['ghn2.pt', 'source.json']);
    const other = await locate(`${url}?version=2`);
    expect(other.path).not.toBe(path);
    expect(basename(other.path)).toBe('ghn2.pt');
  });

  it('is downloaded again only if it has changed', async () => {
    const { path } = await locate(url);
    asked.length = 0;
    await locate(url);
    expect(asked).toEqual(['HEAD']);
    file = { bytes: second };
    expect((await locate(url)).path).toBe(path);
    expect(await digestAt(path)).toBe(sha256(second));
  });

  it('is continued after the connection broke', async () => {
    const received = (position: number) => expect.poll(() => receivedBytes).toBeGreaterThanOrEqual(position);
    cuts.push({ bytes: 1000, received });
    const { path } = await locate(url);
    expect(await digestAt(path)).toBe(sha256(first));
    expect(asked).toEqual(['HEAD', 'GET', 'GET bytes=1000-']);
  });

  it('comes from the cache if the server is unreachable, or downloads are forbidden', async () => {
    const { path } = await locate(url);
    file = 503;
    const { path: old, notices } = await locate(url);
    expect(old).toBe(path);
    expect(notices).toEqual([expect.stringMatching(/HTTP 503.*the copy of .* in the cache is used/)]);
    asked.length = 0;
    expect((await locate(url, { HF_HUB_OFFLINE: '1' })).path).toBe(path);
    expect(asked).toEqual([]);
  });

  it.each<[file: HubFileSpec | number, message: RegExp]>([
    [404, /there is no file at this address; check it \(HTTP 404\)/],
    [403, /access to it is forbidden/],
    [{ bytes: Buffer.from('<html>'), contentType: 'text/html' }, /web page/],
    [{ bytes: Buffer.from('version https://git-lfs.github.com/spec/v1') }, /pointer of git-lfs/],
    [{ bytes: Buffer.alloc(0) }, /is empty/],
  ])('reports what came instead, and keeps nothing of it (%#)', async (there, message) => {
    file = there;
    await expect(locate(url)).rejects.toThrow(message);
    const kept = await readdir(join(folder, 'ghn-serve', 'urls'), { recursive: true }).catch(() => []);
    expect(kept.filter((name) => name.includes('ghn2.pt'))).toEqual([]);
  });

  it('keeps its own query, except for the settings of a GHN', () => {
    const { source, options } = parseSource(
      'https://host.example/a/ghn.pt?download=true&normalize=std&token=s',
    );
    expect(options).toEqual({ normalize: 'std' });
    expect(source).toMatchObject({ id: 'ghn', text: 'https://host.example/a/ghn.pt' });
    expect(parseSource('ghn.pt?normalize=std')).toMatchObject({
      source: { text: 'ghn.pt' },
      options: { normalize: 'std' },
    });
    expect(parseSource('hf://o/r/ghn.pt?normalize=std')).toMatchObject({
      source: { text: 'hf://o/r/ghn.pt' },
      options: { normalize: 'std' },
    });
  });

  it.each([
    ['http://host.example/ghn.pt', /can be changed on the way; write https/],
    ['https://host.example/', /names no file/],
    [
      'https://user:pass@host.example/ghn.pt',
      /^https:\/\/host\.example\/ghn\.pt: an address with a password/,
    ],
  ])('is refused if it is malformed: %s', (text, message) => {
    expect(() => parseSource(text)).toThrow(message);
  });
});
