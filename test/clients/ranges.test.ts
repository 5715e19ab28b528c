import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../helpers/service.js';
import { CuttingProxy } from './cutting-proxy.js';
import { download, getRecord, network, predicted } from './prediction.js';
import { FULL, GHN_CHECKPOINTS, times } from './proof.js';
import { findPython } from './python.js';

const CUTS = times('PROOF_CUTS', 6, 50);
const NETWORK = FULL ? 'resnet50' : 'resnet18-10';

/** A full run takes minutes on a busy machine. */
const TIMEOUT_MS = 600_000;

const curlIsThere = spawnSync('curl', ['--version']).status === 0;
const python = findPython('numpy', 'safetensors', 'fsspec', 'aiohttp');

let service: TestService;
let folder: string;
let prediction: string;

beforeAll(async () => {
  service = await startService({ GHN_CHECKPOINTS });
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-ranges-'));
  prediction = await predicted(service.url, { architecture: network(NETWORK) });
});

afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

const size = (path: string) =>
  stat(path).then(
    (file) => file.size,
    () => 0,
  );

describe.skipIf(!curlIsThere)('curl -C -', () => {
  it.each([
    ['the connection breaks', false],
    ['curl is killed', true],
  ])(
    `continues to the same bytes, though ${CUTS / 2} times %s`,
    async (what, killed) => {
      const { bytes, digest } = await getRecord(prediction);
      const file = join(folder, `${killed}.safetensors`);
      const proxy = await CuttingProxy.before(service.url);
      const weights = `${proxy.url}${new URL(prediction).pathname}/weights`;
      const curl = async () => {
        const child = spawn('curl', ['--silent', '--fail', '-C', '-', '-o', file, weights]);
        proxy.onCut = () => killed && child.kill('SIGKILL');
        const [code, signal] = await once(child, 'exit');
        return { code, signal };
      };
      const cuts = CUTS / 2;
      for (let cut = 0; cut < cuts; cut++) {
        const left = bytes! - (await size(file));
        // On average, a share of the rest that leaves some for each cut. Some cuts are in the headers.
        proxy.limit = Math.ceil((Math.random() * 2 * left) / (cuts + 1 - cut / 2));
        const { code, signal } = await curl();
        expect(signal === 'SIGKILL' || code !== 0, `${what} at ${proxy.limit} of ${left} bytes`).toBe(true);
      }
      proxy.limit = Number.POSITIVE_INFINITY;
      expect(await curl()).toEqual({ code: 0, signal: null });
      proxy.close();
      const sha256 = createHash('sha256').update(await readFile(file));
      expect(`sha256:${sha256.digest('hex')}`).toBe(digest);
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(python.missing !== '')(`fsspec and safetensors${python.missing}`, () => {
  it(
    'read the header by ranges, and each tensor alone, with the values of the downloaded file',
    async () => {
      const file = join(folder, 'whole.safetensors');
      await download(`${prediction}/weights`, file);
      const read = await python.run<{ tensors: number; size: number; metadata: Record<string, string> }>(
        'read_ranges.py',
        `${prediction}/weights`,
        file,
      );
      const record = await getRecord(prediction);
      expect(read.tensors).toBe(record.architecture.tensors);
      expect(read.size).toBe(record.bytes);
      expect(read.metadata).toMatchObject({
        format: 'pt',
        prediction: record.id,
        ghn_digest: record.ghn.digest,
      });
    },
    TIMEOUT_MS,
  );
});
