import { expect, it } from 'vitest';
import { createOnnxruntimeEngine } from '../../../src/engine/onnxruntime/engine.js';
import { isOutOfMemory } from '../../../src/engine/out-of-memory.js';

it('onnxruntime reports that there is no memory for a result, and continues', async () => {
  const engine = await createOnnxruntimeEngine();
  const before = engine.memory();
  const failure = await engine
    .scope(async () => {
      // 16 TB.
      const x = await engine.input(new Float32Array(2e6), 2e6, 1);
      return engine.linear(x, { weight: x, bias: null });
    })
    .catch((error: Error) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(isOutOfMemory(failure), String(failure)).toBe(true);
  expect(engine.memory()).toBe(before);
  await engine.scope(async () => {
    const x = await engine.input(Float32Array.of(1, 2), 1, 2);
    const square = await engine.linear(x, { weight: x, bias: null });
    expect(await engine.read(square)).toEqual(Float32Array.of(5));
  });
  await engine.dispose();
});
