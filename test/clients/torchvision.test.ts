import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../helpers/service.js';
import { download, getRecord, network, predicted } from './prediction.js';
import { GHN_CHECKPOINTS, networks } from './proof.js';
import { findPython } from './python.js';

/** Names of networks, with the number of classes if it is not that of ImageNet. */
const NETWORKS = networks(
  ['resnet18-10', 'mobilenet_v3_small-10', 'squeezenet1_1-10', 'swin_t-10'],
  [
    ...['alexnet', 'convnext_base', 'convnext_tiny-10', 'densenet121', 'efficientnet_b0', 'googlenet'],
    ...['inception_v3', 'mnasnet1_0', 'regnet_y_400mf-10', 'resnet50', 'resnext50_32x4d'],
    ...['shufflenet_v2_x1_0', 'swin_t', 'vit_b_16', 'vit_b_16-10'],
  ],
);

/** PyTorch is slow to load and to initialise large networks. */
const TIMEOUT_MS = 300_000;

const python = findPython('torch', 'torchvision', 'safetensors', 'numpy');

interface Loaded {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly state_dict: Readonly<Record<string, readonly number[]>>;
  readonly loaded: boolean;
  readonly output: readonly number[];
  readonly finite: boolean;
}

describe.skipIf(python.missing !== '')(`torchvision${python.missing}`, () => {
  let service: TestService;
  let folder: string;

  beforeAll(async () => {
    service = await startService({ GHN_CHECKPOINTS });
    folder = await mkdtemp(join(tmpdir(), 'ghn-serve-torchvision-'));
  });

  afterAll(async () => {
    await service.stop();
    await rm(folder, { recursive: true });
  });

  it.each(NETWORKS)(
    'loads the prediction for %s, and misses only the tensors that no GHN predicts',
    async (name) => {
      const architecture = network(name);
      const stateDict = architecture.state_dict!;
      const owned = new Set(
        architecture.nodes.flatMap(({ weight, bias }) => [weight?.name, bias?.name].filter(Boolean)),
      );
      const notPredicted = stateDict.filter(({ name }) => !owned.has(name));
      const prediction = await predicted(service.url, { architecture });
      const file = join(folder, 'weights.safetensors');
      await download(`${prediction}/weights`, file);

      const [builder, classes = '1000'] = name.split('-');
      const loaded = await python.run<Loaded>('load_into_torchvision.py', file, builder, classes);
      expect(loaded.state_dict).toEqual(
        Object.fromEntries(stateDict.map(({ name, shape }) => [name, shape])),
      );
      expect(loaded.unexpected).toEqual([]);
      // PyTorch does not report the batch counters of norms as missing.
      const counters = (names: readonly string[]) =>
        names.filter((name) => !name.endsWith('num_batches_tracked'));
      expect(counters(loaded.missing)).toEqual(counters(notPredicted.map(({ name }) => name)));
      expect((await getRecord(prediction)).architecture.not_predicted).toEqual(
        notPredicted.filter(({ kind }) => kind === 'parameter').map(({ name }) => name),
      );
      expect(loaded.loaded).toBe(true);
      expect(loaded.output).toEqual([1, Number(classes)]);
      expect(loaded.finite).toBe(true);
    },
    TIMEOUT_MS,
  );
});
