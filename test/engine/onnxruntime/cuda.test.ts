import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createCudaEngine } from '../../../src/engine/onnxruntime/cuda.js';
import { unresolved } from '../../../src/engine/onnxruntime/cuda-libraries.js';

it.skipIf(existsSync('/dev/nvidiactl'))(
  'onnxruntime without a GPU names the missing parts, and how to get them',
  async () => {
    await expect(createCudaEngine()).rejects.toThrow(
      /^onnxruntime cannot use the GPU \(.*libonnxruntime_providers_cuda\.so.*NVIDIA driver.*libcublas.*scripts\/onnxruntime-cuda\.sh.*ONNXRUNTIME_NODE_INSTALL=cuda12/,
    );
    const message = await createCudaEngine().then(
      () => '',
      (error: Error) => error.message,
    );
    const files = message.match(/\/\S+\.(sh|js)\b/g) ?? [];
    expect(files.map((file) => [file, existsSync(file)])).toEqual(files.map((file) => [file, true]));
    expect(files).toHaveLength(2);
  },
);

it('finds the missing libraries in the output of ldd', () => {
  const output = `\
	linux-vdso.so.1 (0x00007ffc)
	libcublasLt.so.13 => not found
	libcublas.so.13 => not found
	libstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007f1)
	libcublas.so.13 => not found
`;
  expect(unresolved(output)).toEqual(['libcublasLt.so.13', 'libcublas.so.13']);
});

it('reserves a recorded computation’s weights for that computation', async () => {
  const engine = await createCudaEngine({ provider: 'cpu', smallestHeld: 1 });
  const weight = engine.upload(Float32Array.of(1, 2, 3, 4), 2, 2);
  const doubled = await engine.record!(async (operations, x) => {
    const y = await operations.linear(x, { weight, bias: null });
    return operations.add(y, y);
  }, 2);
  await engine.scope(async () => {
    const x = await engine.input(Float32Array.of(1, 1, 0, 1), 2, 2);
    expect(await engine.read(await doubled(x, new Int32Array(4)))).toEqual(Float32Array.of(6, 14, 4, 8));
    await expect(engine.linear(x, { weight, bias: null })).rejects.toThrow(
      /belongs to a recorded computation/,
    );
  });
  await engine.dispose();
});

it('computes attention in a recording, over more nodes than fit one pass, like single operations', async () => {
  const [nodes, hidden, heads] = [4500, 2, 2];
  const values = Float32Array.from({ length: nodes * 3 * hidden }, (_, k) => Math.sin(k));
  const rows = Int32Array.from({ length: nodes * nodes }, (_, k) => k % 3);
  const engine = await createCudaEngine({ provider: 'cpu', smallestHeld: 1 });
  const table = Float32Array.of(0, 1, 2, 0, 1, 1);
  const [kept, given] = [engine.upload(table, 3, heads), engine.upload(table, 3, heads)];
  const recorded = await engine.record!(
    async (operations, x, row) => operations.attention(x, { table: given, row }, heads),
    3 * hidden,
  );
  const [actual, expected] = await engine.scope(async () => {
    const x = await engine.input(values, nodes, 3 * hidden);
    const byOperation = await engine.attention(x, { table: kept, row: rows }, heads);
    return [await engine.read(await recorded(x, rows)), await engine.read(byOperation)];
  });
  expect(actual.length).toBe(expected.length);
  expect(actual.every((value, k) => Math.abs(value - expected[k]) < 1e-6)).toBe(true);
  await engine.dispose();
}, 120_000);
