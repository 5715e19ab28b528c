import util from 'node:util';
import { describe, expect, it } from 'vitest';
import { createTensorflowEngine } from '../../../src/engine/tensorflow/engine.js';
import { NATIVE_TENSORFLOW } from '../engines.js';

describe.skipIf(!NATIVE_TENSORFLOW)('native TensorFlow', () => {
  const create = () => createTensorflowEngine({ backend: 'native', device: 'cpu' });

  it('names the library that computes products', async () => {
    const { name, version } = await create();
    expect(name).toBe('tensorflow');
    expect(version).toMatch(/^@tensorflow\/tfjs-node \d.*, TensorFlow 2\.\d+\.\d+$/);
  });

  it('needs nothing that Node 23 removed from util', async () => {
    Reflect.deleteProperty(util, 'isArray');
    Reflect.deleteProperty(util, 'isNullOrUndefined');
    const engine = await create();
    await engine.scope(async () => {
      const x = await engine.input(Float32Array.of(1, 2), 1, 2);
      expect(await engine.read(await engine.add(x, x))).toEqual(Float32Array.of(2, 4));
    });
  });

  it('throws an error when memory runs out, and continues', async () => {
    const engine = await create();
    const before = engine.memory();
    await expect(
      engine.scope(async () => {
        const x = await engine.input(new Float32Array(400_000), 400_000, 1);
        await engine.linear(x, { weight: x, bias: null });
      }),
    ).rejects.toThrow(/OOM when allocating/);
    expect(engine.memory()).toBe(before);
    await engine.scope(async () => {
      const x = await engine.input(Float32Array.of(1, 2), 1, 2);
      const y = await engine.linear(x, { weight: x, bias: null });
      expect(await engine.read(y)).toEqual(Float32Array.of(5));
    });
  });
});
