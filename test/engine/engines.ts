import { createRequire } from 'node:module';
import type { Engine } from '../../src/engine/engine.js';
import { createCudaEngine } from '../../src/engine/onnxruntime/cuda.js';
import { createOnnxruntimeEngine } from '../../src/engine/onnxruntime/engine.js';
import { createWebgpuEngine } from '../../src/engine/onnxruntime/webgpu.js';
import { createTensorflowEngine } from '../../src/engine/tensorflow/engine.js';

export interface EngineUnderTest {
  readonly title: string;
  readonly create: () => Promise<Engine>;
}

/**
 * Returns true if it is installed in the project, or in a folder in NODE_PATH (scripts/native-tensorflow.sh makes one).
 */
function nativeTensorflowIsInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node');
    return true;
  } catch {
    return false;
  }
}

/** Null if native TensorFlow is not installed. */
export const NATIVE_TENSORFLOW: EngineUnderTest | null = nativeTensorflowIsInstalled()
  ? {
      title: 'tensorflow on native TensorFlow',
      create: () => createTensorflowEngine({ backend: 'native', device: 'cpu' }),
    }
  : null;

/**
 * Null without a device for WebGPU. A device is a Vulkan driver that VK_DRIVER_FILES names, such as SwiftShader, which
 * computes on the CPU (scripts/swiftshader.sh).
 */
export const WEBGPU: EngineUnderTest | null = process.env.VK_DRIVER_FILES
  ? // Buffers so small that weights of the tests are split.
    { title: 'onnxruntime on WebGPU', create: () => createWebgpuEngine({ maxBufferBytes: 4096 }) }
  : null;

/** Engines on the GPU, of which a machine with a GPU tests one (scripts/gpu). */
const ON_GPU: Readonly<Record<string, () => Promise<Engine>>> = {
  cuda: () => createCudaEngine({ smallestHeld: 1 }),
  webgpu: () => createWebgpuEngine({ maxBufferBytes: 4096 }),
  tensorflow: () => createTensorflowEngine({ backend: 'native', device: 'cuda' }),
};

function enginesUnderTest(): readonly EngineUnderTest[] {
  const { ENGINE_UNDER_TEST: only } = process.env;
  if (only) return [{ title: only, create: ON_GPU[only] }];
  return [
    { title: 'onnxruntime', create: createOnnxruntimeEngine },
    {
      title: 'onnxruntime for CUDA, on the CPU',
      create: () => createCudaEngine({ provider: 'cpu', smallestHeld: 1 }),
    },
    { title: 'wasm', create: () => createTensorflowEngine({ backend: 'wasm', device: 'cpu' }) },
    ...(WEBGPU ? [WEBGPU] : []),
    ...(NATIVE_TENSORFLOW ? [NATIVE_TENSORFLOW] : []),
  ];
}

/** Every engine that can run here. */
export const ENGINES = enginesUnderTest();
