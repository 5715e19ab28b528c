import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../helpers/service.js';
import { download, getRecord, network, predicted } from './prediction.js';
import { GHN_CHECKPOINTS, networks } from './proof.js';
import { findPython } from './python.js';

const NETWORKS = networks(['mobilenet_v3_small-10'], ['resnet50', 'convnext_base']);
const WORLD_SIZES = ['2', '3', '8'];

/** A full run takes minutes on a busy machine. */
const TIMEOUT_MS = 900_000;

const python = findPython('numpy', 'safetensors');

describe.skipIf(python.missing !== '')(`numpy and safetensors${python.missing}`, () => {
  let service: TestService;
  let folder: string;

  beforeAll(async () => {
    service = await startService({ GHN_CHECKPOINTS });
    folder = await mkdtemp(join(tmpdir(), 'ghn-serve-formats-'));
  });

  afterAll(async () => {
    await service.stop();
    await rm(folder, { recursive: true });
  });

  describe.each(NETWORKS)('for %s', (name) => {
    it(
      `combine the slices of all ranks of world sizes ${WORLD_SIZES} into the tensors`,
      async () => {
        const prediction = await predicted(service.url, { architecture: network(name) });
        const file = join(folder, `${name}.safetensors`);
        await download(`${prediction}/weights`, file);
        const joined = await python.run<{ tensors: number; slices: number; empty: number }>(
          'join_slices.py',
          prediction,
          file,
          ...WORLD_SIZES,
        );
        const { tensors } = (await getRecord(prediction)).architecture;
        expect(joined.tensors).toBe(tensors);
        // Along two dimensions, by both rules of sharding.
        expect(joined.slices).toBe(tensors * 2 * 2 * (2 + 3 + 8));
        // Depthwise and first convolutions have fewer input channels than there are ranks.
        expect(joined.empty).toBeGreaterThan(0);
      },
      TIMEOUT_MS,
    );

    it.each(['F32', 'F16'])(
      'expand the tiled blocks, and read the npz, to the same values as the safetensors in %s',
      async (dtype) => {
        const prediction = await predicted(service.url, { architecture: network(name) });
        const paths = ['safetensors', 'tiled', 'npz'].map((format) =>
          join(folder, `${name}.${dtype}.${format}`),
        );
        for (const path of paths) {
          const format = path.slice(path.lastIndexOf('.') + 1);
          await download(`${prediction}/weights?format=${format}&dtype=${dtype}`, path);
        }
        const compared = await python.run<{ tensors: number; tiled: number }>('compare_formats.py', ...paths);
        expect(compared.tensors).toBe((await getRecord(prediction)).architecture.tensors);
        expect(compared.tiled).toBeGreaterThan(compared.tensors / 4);
      },
      TIMEOUT_MS,
    );
  });
});
