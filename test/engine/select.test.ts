import { afterEach, describe, expect, it, vi } from 'vitest';
import { type EngineChoice, selectEngine, selectProducts } from '../../src/engine/select.js';

/** Simulates a platform without a binary of onnxruntime. */
function withoutOnnxruntime(): void {
  vi.doMock('../../src/engine/onnxruntime/library.js', () => {
    throw new Error('Cannot find module onnxruntime_binding.node\nRequire stack: …');
  });
}
afterEach(() => {
  vi.doUnmock('../../src/engine/onnxruntime/library.js');
  vi.resetModules();
});

async function select(choice: EngineChoice) {
  const notices: string[] = [];
  const { engine, reason } = await selectEngine(choice, (notice) => notices.push(notice));
  const { name, device } = engine;
  await engine.dispose();
  return { name, device, reason, notices };
}

describe('if onnxruntime cannot be loaded', () => {
  it('ENGINE=auto takes WebAssembly, and gives the reason once', async () => {
    withoutOnnxruntime();
    expect(await select({ engine: 'auto', device: 'cpu' })).toEqual({
      name: 'wasm',
      device: 'cpu',
      reason: expect.stringContaining('onnxruntime cannot be loaded here') as string,
      notices: [expect.stringContaining('onnxruntime cannot be loaded on this machine')],
    });
  });

  it('ENGINE=wasm starts', async () => {
    withoutOnnxruntime();
    expect(await select({ engine: 'wasm', device: 'auto' })).toMatchObject({ name: 'wasm', notices: [] });
  });

  it('ENGINE=onnxruntime gives the reason', async () => {
    withoutOnnxruntime();
    await expect(select({ engine: 'onnxruntime', device: 'cpu' })).rejects.toThrow(
      'onnxruntime cannot be loaded on this machine: ',
    );
  });

  it('post-processing reports that it is slow', async () => {
    withoutOnnxruntime();
    const notices: string[] = [];
    await selectProducts(null, (notice) => notices.push(notice));
    expect(notices).toEqual([
      expect.stringMatching(/^post-processing is slow: onnxruntime cannot be loaded/),
    ]);
  });
});
