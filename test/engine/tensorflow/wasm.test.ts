import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { createTensorflowEngine } from '../../../src/engine/tensorflow/engine.js';
import { MAX_WASM_WEIGHT_BYTES } from '../../../src/engine/tensorflow/wasm.js';

const MEBIBYTE = 2 ** 20;

describe('WebAssembly’s memory', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await createTensorflowEngine({ backend: 'wasm', device: 'cpu' });
  });

  const heapBytes = () =>
    (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.byteLength;

  async function multiplies(): Promise<void> {
    await engine.scope(async () => {
      const x = await engine.input(Float32Array.of(1, 2, 3, 4), 2, 2);
      const y = await engine.linear(x, { weight: x, bias: null });
      expect(await engine.read(y)).toEqual(Float32Array.of(5, 11, 11, 25));
    });
  }

  it('holds weights once, however often they are sliced or multiplied', async () => {
    const [rows, columns] = [8192, 1024];
    const weight = engine.upload(new Float32Array(rows * columns).fill(0.5), rows, columns);
    const before = { heap: heapBytes(), memory: engine.memory() };
    for (let time = 0; time < 3; time++) {
      await engine.scope(async () => {
        const x = await engine.input(new Float32Array(2 * columns).fill(1), 2, columns);
        for (let start = 0; start < rows; start += rows / 4) {
          const part = await engine.slice(weight, start, start + rows / 4);
          const y = await engine.read(await engine.linear(x, { weight: part, bias: null }));
          expect(y.every((value) => value === columns / 2)).toBe(true);
        }
        await engine.linear(x, { weight, bias: null }, 'gelu');
        expect(engine.memory() - before.memory).toBeLessThan(MEBIBYTE);
      });
    }
    expect(heapBytes() - before.heap).toBeLessThan((rows * columns * 4) / 4);
  });

  it('refuses weights beyond its limit with the remedy, and continues', async () => {
    const rows = MAX_WASM_WEIGHT_BYTES / 4 / 1024;
    const before = engine.memory();
    expect(() => engine.upload(new Float32Array(rows * 1024), rows, 1024)).toThrow(
      /more than 2048 MiB.*ENGINE=onnxruntime/,
    );
    expect(engine.memory()).toBe(before);
    await multiplies();
  });

  it.each([
    { what: 'beyond every address', rows: 60_000, outputs: 40_000 },
    { what: 'beyond what is free', rows: 20_000, outputs: 20_000 },
  ])('refuses results $what, and continues', async ({ rows, outputs }) => {
    const before = engine.memory();
    await expect(
      engine.scope(async () => {
        const x = await engine.input(new Float32Array(rows), rows, 1);
        const weight = await engine.input(new Float32Array(outputs), outputs, 1);
        await engine.linear(x, { weight, bias: null });
      }),
    ).rejects.toThrow(/no room for another \d+ MiB/);
    expect(engine.memory()).toBe(before);
    await multiplies();
  });

  it('is the memory of the CPU', async () => {
    await expect(createTensorflowEngine({ backend: 'wasm', device: 'cuda' })).rejects.toThrow(
      /ENGINE=tensorflow/,
    );
  });
});
