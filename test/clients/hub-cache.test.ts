import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseSource, readSourceEnvironment } from '../../src/sources/index.js';
import { type SmallHub, sha256, startHub } from '../helpers/hub.js';
import { checkpointFile } from '../helpers/service.js';
import { findPython } from './python.js';

const python = findPython('huggingface_hub');

const REPOSITORY = 'SamsungSAILMontreal/ghn3';
const FILE = 'ghn3tm8.pt';
const COMMIT = '0123456789abcdef0123456789abcdef01234567';

interface Found {
  readonly path: string;
  readonly repositories: string[];
  readonly files: string[];
  readonly refs: string[];
  readonly warnings: string[];
}

let hub: SmallHub;
let folder: string;
const bytes = await readFile(checkpointFile('ghn3-nano.pt'));
beforeAll(async () => {
  hub = await startHub({ [REPOSITORY]: { commit: COMMIT, files: { [FILE]: { bytes } } } });
});
afterAll(() => hub.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-hub-'));
  return () => rm(folder, { recursive: true });
});

const locate = (variables: Readonly<Record<string, string>>) =>
  parseSource('ghn3-t').source.locate({
    environment: readSourceEnvironment({ HF_HOME: folder, ...variables }),
    signal: new AbortController().signal,
    onProgress: () => {},
    onNotice: () => {},
  });

describe.skipIf(python.missing)(`the cache shared with huggingface_hub${python.missing}`, () => {
  const OFFLINE = { HF_HUB_OFFLINE: '1', HF_ENDPOINT: 'http://127.0.0.1:1' };
  const online = () => ({ HF_ENDPOINT: hub.endpoint });

  it('gives huggingface_hub the files that the service has downloaded', async () => {
    const path = await locate(online());
    const found = await python.runWith<Found>(
      { HF_HOME: folder, ...OFFLINE },
      'hub_cache.py',
      REPOSITORY,
      FILE,
    );
    expect(found).toEqual({
      path,
      repositories: [REPOSITORY],
      files: [FILE],
      refs: ['main'],
      warnings: [],
    });
  });

  it('gives the service the files that huggingface_hub has downloaded', async () => {
    const environment = { HF_HOME: folder, HF_HUB_DISABLE_XET: '1', ...online() };
    const { path } = await python.runWith<Found>(environment, 'hub_cache.py', REPOSITORY, FILE);
    expect(await locate(OFFLINE)).toBe(path);
    expect(sha256(await readFile(path))).toBe(sha256(bytes));
  });
});
