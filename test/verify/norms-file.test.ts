import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listArchitectures } from '../../src/architecture/zoo.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import {
  FAMILIES,
  normsText,
  PUBLISHED_NORMS,
  publishedFamily,
  readNorms,
} from '../../src/verify/norms-file.js';
import { checkpointFile } from '../helpers/service.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-norms-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(content: unknown): Promise<string> {
  const path = join(folder, 'norms.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('the published norms', () => {
  it.each(FAMILIES)('exist for each network of the zoo and %s', async (family) => {
    const { norms, precision } = await readNorms(PUBLISHED_NORMS, family);
    expect([...norms.keys()].sort()).toEqual(
      listArchitectures()
        .map(({ name }) => name)
        .sort(),
    );
    expect(precision).toBe('float32');
  });

  it('differ between families', async () => {
    const norms = await Promise.all(FAMILIES.map((family) => readNorms(PUBLISHED_NORMS, family)));
    expect(norms.map((family) => family.norms.get('resnet50'))).toEqual([286.4883, 78.6197, 108.453]);
  });

  it('need a family', async () => {
    await expect(readNorms(PUBLISHED_NORMS, null)).rejects.toThrow(/name one with --family/);
  });
});

describe('the family of a checkpoint', () => {
  const imageNet = { channels: 64, numClasses: 1000 };

  it('is recognised by its sizes', () => {
    expect(publishedFamily({ family: 'ghn2', hidden: 32, ...imageNet })).toBe('ghn2');
    expect(publishedFamily({ family: 'ghn3', hidden: 64, ...imageNet })).toBe('ghn3-t');
    expect(publishedFamily({ family: 'ghn3', hidden: 384, channels: 384, numClasses: 1000 })).toBe('ghn3');
  });

  it('is null if no GHN of its sizes was published', async () => {
    expect(publishedFamily({ family: 'ghn3', hidden: 128, channels: 128, numClasses: 1000 })).toBeNull();
    expect(publishedFamily({ family: 'ghn2', hidden: 32, channels: 64, numClasses: 10 })).toBeNull();
    const { config } = await readCheckpoint(checkpointFile('ghn3-nano.pt'));
    expect(publishedFamily(config)).toBeNull();
  });
});

describe('a user’s norms file', () => {
  it('is read as it was written, to the last bit', async () => {
    const norms = new Map([
      ['resnet18', 1 / 3],
      ['vgg16', Math.PI * 1e3],
    ]);
    expect(await readNorms(await file(normsText(norms)), null)).toEqual({ norms, precision: 'float64' });
  });

  it.each([
    ['which is not JSON', '{', /norms\.json cannot be read/],
    ['with a norm that is none', { resnet18: -1 }, /holds no norms by network[\s\S]*resnet18/],
    ['with another family', { resnet18: { ghn4: 1 } }, /holds no norms by network[\s\S]*ghn4/],
    ['which mixes both kinds', { resnet18: 1, resnet34: { ghn3: 1 } }, /mixes norms/],
  ])('%s is refused', async (_, content, message) => {
    await expect(readNorms(await file(content), 'ghn3')).rejects.toThrow(message);
  });

  it('is refused if it does not exist', async () => {
    await expect(readNorms(join(folder, 'missing.json'), null)).rejects.toThrow(
      /missing\.json cannot be read/,
    );
  });
});
