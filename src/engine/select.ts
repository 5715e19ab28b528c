import { existsSync } from 'node:fs';
import type { Products } from '../postprocess/products.js';
import type { Engine } from './engine.js';

/** The settings of the engine. */
export interface EngineChoice {
  readonly engine: 'auto' | 'tensorflow' | 'onnxruntime' | 'wasm';
  readonly device: 'auto' | 'cpu' | 'cuda' | 'webgpu';
  /** Number of threads for products on the CPU; null for one on each core. */
  readonly threads?: number | null;
}

/** Files of the NVIDIA driver on Linux and on WSL. Without them, trying the GPU would waste half a second. */
const GPU_DEVICES = ['/dev/nvidiactl', '/dev/dxg'];

type Candidate = (threads: number | null) => Promise<Engine>;

/** The selected engine, and the reason for the choice. */
export interface Selection {
  readonly engine: Engine;
  readonly reason: string;
}

/** Loads a module that uses onnxruntime, whose binary npm installs on some platforms only. */
async function loadOnnxruntime<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const reason = (error as Error).message.split('\n', 1)[0];
    throw new Error(`onnxruntime cannot be loaded on this machine: ${reason}`, { cause: error });
  }
}

const onnxruntime: Record<Engine['device'], Candidate> = {
  cpu: async (threads) => {
    const { createOnnxruntimeEngine } = await loadOnnxruntime(() => import('./onnxruntime/engine.js'));
    return createOnnxruntimeEngine(threads);
  },
  cuda: async () => {
    const { createCudaEngine } = await loadOnnxruntime(() => import('./onnxruntime/cuda.js'));
    return createCudaEngine();
  },
  webgpu: async () => {
    const { createWebgpuEngine } = await loadOnnxruntime(() => import('./onnxruntime/webgpu.js'));
    return createWebgpuEngine();
  },
};

const tensorflow =
  (backend: 'native' | 'wasm', device: 'cpu' | 'cuda'): Candidate =>
  async () => {
    const { createTensorflowEngine } = await import('./tensorflow/engine.js');
    return createTensorflowEngine({ backend, device });
  };

/** The engines of each device, the best first. */
const ON_CUDA = { onnxruntime: [onnxruntime.cuda], tensorflow: [tensorflow('native', 'cuda')], wasm: [] };
const ON_WEBGPU = { onnxruntime: [onnxruntime.webgpu], tensorflow: [], wasm: [] };
const ON_CPU = {
  onnxruntime: [onnxruntime.cpu],
  tensorflow: [tensorflow('native', 'cpu'), tensorflow('wasm', 'cpu')],
  wasm: [tensorflow('wasm', 'cpu')],
};

/** Engines for the CPU if the settings name none: WebAssembly works on every platform. */
const ANY_CPU = [onnxruntime.cpu, tensorflow('wasm', 'cpu')];

/** Returns the engines to try, in the order of preference. All except the last may be unavailable. */
function candidates({ engine, device }: EngineChoice): Candidate[] {
  const of = (all: Record<'onnxruntime' | 'tensorflow' | 'wasm', Candidate[]>) =>
    engine === 'auto' ? [...all.onnxruntime, ...all.tensorflow] : all[engine];
  switch (device) {
    case 'cuda':
    case 'webgpu': {
      const all = of(device === 'cuda' ? ON_CUDA : ON_WEBGPU);
      if (all.length > 0) return all;
      const able = device === 'cuda' ? 'ENGINE=onnxruntime or ENGINE=tensorflow' : 'ENGINE=onnxruntime';
      throw new Error(`ENGINE=${engine} cannot use DEVICE=${device}: it needs ${able}, or leave ENGINE out`);
    }
    case 'cpu':
      return engine === 'auto' ? ANY_CPU : of(ON_CPU);
    case 'auto': {
      const gpu = GPU_DEVICES.some((path) => existsSync(path)) ? of(ON_CUDA) : [];
      return [...gpu, ...(engine === 'auto' ? ANY_CPU : of(ON_CPU))];
    }
  }
}

/** Reasons for a choice that the settings did not make. */
const REASONS: Readonly<Record<string, string>> = {
  'onnxruntime cuda': 'there is an NVIDIA GPU, on which onnxruntime was measured to be the fastest',
  'tensorflow cuda': 'there is an NVIDIA GPU that TensorFlow can use and onnxruntime cannot',
  'onnxruntime cpu': 'the fastest on a CPU, and no GPU can be used',
  'wasm cpu': 'onnxruntime cannot be loaded here, and WebAssembly runs everywhere',
};

/**
 * Returns the engine that the settings ask for, or the best available: on an NVIDIA GPU if there is one, otherwise
 * onnxruntime. WebGPU is used only if the settings ask for it: on an H100 it is no faster than a CPU.
 *
 * @param onFallback called with the reason if a better engine is not available
 * @throws if no engine that the settings allow is available
 */
export async function selectEngine(
  choice: EngineChoice,
  onFallback: (reason: string) => void,
): Promise<Selection> {
  const all = candidates(choice);
  const isOpen = choice.engine === 'auto' || choice.device === 'auto';
  const select = async (candidate: Candidate): Promise<Selection> => {
    const engine = await candidate(choice.threads ?? null);
    const asked = `ENGINE=${choice.engine} DEVICE=${choice.device}`;
    const reason = isOpen && REASONS[`${engine.name} ${engine.device}`];
    return { engine, reason: reason ? `${asked}: ${reason}` : asked };
  };
  for (const candidate of all.slice(0, -1)) {
    try {
      return await select(candidate);
    } catch (error) {
      onFallback((error as Error).message);
    }
  }
  return select(all[all.length - 1]);
}

/**
 * Returns the matrix products for post-processing: onnxruntime's if it can be loaded, whichever engine the GHN runs on.
 *
 * @param threads number of threads that compute; null for one on each core
 * @param onFallback called with the reason if onnxruntime is not available
 */
export async function selectProducts(
  threads: number | null = null,
  onFallback: (reason: string) => void = () => {},
): Promise<Products> {
  try {
    const [{ OnnxruntimeProducts }, { createSession }] = await loadOnnxruntime(() =>
      Promise.all([import('./onnxruntime/products.js'), import('./onnxruntime/session.js')]),
    );
    return new OnnxruntimeProducts((model) => createSession(model, threads));
  } catch (error) {
    onFallback(`post-processing is slow: ${(error as Error).message}`);
    const { PlainProducts } = await import('../postprocess/plain-products.js');
    return new PlainProducts();
  }
}
