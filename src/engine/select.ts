import { existsSync } from 'node:fs';
import type { Products } from '../postprocess/products.js';
import type { Engine } from './engine.js';

/** ENGINE and DEVICE of the settings. */
export interface EngineChoice {
  readonly engine: 'auto' | 'tensorflow' | 'onnxruntime' | 'wasm';
  readonly device: 'auto' | 'cpu' | 'cuda';
}

/** What the NVIDIA driver shows on Linux and on WSL: without it, loading TensorFlow to ask takes half a second in vain. */
const GPU_DEVICES = ['/dev/nvidiactl', '/dev/dxg'];

type Candidate = () => Promise<Engine>;

const onnxruntime: Candidate = async () => {
  const { createOnnxruntimeEngine } = await import('./onnxruntime/engine.js');
  return createOnnxruntimeEngine();
};

const tensorflow =
  (backend: 'native' | 'wasm', device: 'cpu' | 'cuda'): Candidate =>
  async () => {
    const { createTensorflowEngine } = await import('./tensorflow/engine.js');
    return createTensorflowEngine({ backend, device });
  };

/** In the order of preference: each but the last may be missing. */
function candidates({ engine, device }: EngineChoice): Candidate[] {
  if (device === 'cuda') {
    if (engine === 'onnxruntime' || engine === 'wasm') {
      throw new Error(
        `ENGINE=${engine} runs on the CPU: DEVICE=cuda needs ENGINE=tensorflow, or leave ENGINE away`,
      );
    }
    return [tensorflow('native', 'cuda')];
  }
  const gpu =
    device === 'auto' && GPU_DEVICES.some((path) => existsSync(path)) ? [tensorflow('native', 'cuda')] : [];
  switch (engine) {
    case 'auto':
      return [...gpu, onnxruntime];
    case 'onnxruntime':
      return [onnxruntime];
    case 'tensorflow':
      return [...gpu, tensorflow('native', 'cpu'), tensorflow('wasm', 'cpu')];
    case 'wasm':
      return [tensorflow('wasm', 'cpu')];
  }
}

/**
 * The engine that the settings ask for, or the best there is: TensorFlow where there is a GPU, else onnxruntime.
 *
 * @param onFallback is told why an engine that would be better cannot be had
 * @throws where nothing of what the settings allow can be had
 */
export async function selectEngine(
  choice: EngineChoice,
  onFallback: (reason: string) => void,
): Promise<Engine> {
  const all = candidates(choice);
  for (const candidate of all.slice(0, -1)) {
    try {
      return await candidate();
    } catch (error) {
      onFallback((error as Error).message);
    }
  }
  return all[all.length - 1]();
}

/** Matrix products for post-processing: native where onnxruntime can be loaded, whichever engine the GHN runs on. */
export async function selectProducts(): Promise<Products> {
  try {
    const { OnnxruntimeProducts } = await import('./onnxruntime/products.js');
    return new OnnxruntimeProducts();
  } catch {
    const { PlainProducts } = await import('../postprocess/plain-products.js');
    return new PlainProducts();
  }
}
