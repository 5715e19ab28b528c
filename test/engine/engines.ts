import { createRequire } from 'node:module';
import type { Engine } from '../../src/engine/engine.js';
import { createCudaEngine } from '../../src/engine/onnxruntime/cuda.js';
import { createOnnxruntimeEngine } from '../../src/engine/onnxruntime/engine.js';
import { createTensorflowEngine } from '../../src/engine/tensorflow/engine.js';

export interface EngineUnderTest {
  readonly title: string;
  readonly create: () => Promise<Engine>;
}

/** Installed beside the project, or in a folder that NODE_PATH names (scripts/native-tensorflow.sh makes one). */
function nativeTensorflowIsInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node');
    return true;
  } catch {
    return false;
  }
}

/** Null where native TensorFlow is not there to be tested. */
export const NATIVE_TENSORFLOW: EngineUnderTest | null = nativeTensorflowIsInstalled()
  ? {
      title: 'tensorflow on native TensorFlow',
      create: () => createTensorflowEngine({ backend: 'native', device: 'cpu' }),
    }
  : null;

/** Every engine that runs here. */
export const ENGINES: readonly EngineUnderTest[] = [
  { title: 'onnxruntime', create: createOnnxruntimeEngine },
  {
    title: 'onnxruntime for CUDA, on the CPU',
    create: () => createCudaEngine({ provider: 'cpu', smallestHeld: 1 }),
  },
  { title: 'wasm', create: () => createTensorflowEngine({ backend: 'wasm', device: 'cpu' }) },
  ...(NATIVE_TENSORFLOW ? [NATIVE_TENSORFLOW] : []),
];
