import { describe, expect, it } from 'vitest';
import { isOutOfMemory, isTrap, OutOfMemoryError } from '../../src/engine/out-of-memory.js';

/** The part of Node's WebAssembly that its types do not declare. */
interface WithWebAssembly {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, () => void>> };
  };
}

/** Messages of the libraries. */
const MESSAGES = [
  'OOM when allocating tensor with shape[400000,400000] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc',
  'Resource exhausted: failed to allocate memory',
  '{{function_node __wrapped__MatMul}} RESOURCE_EXHAUSTED: Out of memory while trying to allocate 640000000000 bytes',
  'failed to allocate 2.00G (2147483648 bytes) from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory',
  'Dst tensor is not initialized.',
  'failed to create cublas handle: CUBLAS_STATUS_ALLOC_FAILED',
  'std::bad_alloc',
  'Non-zero status code returned while running MatMul node. Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 640000000000',
  'Buffer size (640000000000) exceeds the max buffer size limit (1073741824).',
  'Array buffer allocation failed',
  'Invalid typed array length: 640000000000',
  'memory access out of bounds',
];

describe('an out-of-memory error', () => {
  it.each(MESSAGES)('is recognised by the library’s message: %s', (message) => {
    expect(isOutOfMemory(new Error(message))).toBe(true);
  });

  it('is recognised if this service has detected it', () => {
    expect(isOutOfMemory(new OutOfMemoryError('no room'))).toBe(true);
  });

  it.each([new Error('no GHN "room" is loaded'), new Error('zoom is out of range'), 'bad_alloc', undefined])(
    'is not %s',
    (error) => {
      expect(isOutOfMemory(error)).toBe(false);
    },
  );

  it('is recognised when V8 throws it', () => {
    const thrown = (allocate: () => unknown) => {
      try {
        allocate();
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(isOutOfMemory(thrown(() => new Float32Array(2 ** 44)))).toBe(true);
    expect(isOutOfMemory(thrown(() => new ArrayBuffer(2 ** 46)))).toBe(true);
  });

  it('of WebAssembly that ended inside a function leaves memory in an unknown state', () => {
    // (module (memory 1) (func (export "f") (drop (i32.load (i32.const -1)))))
    const bytes = Uint8Array.of(
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1],
      ...[7, 5, 1, 1, 0x66, 0, 0, 10, 10, 1, 8, 0, 0x41, 0x7f, 0x28, 2, 0, 0x1a, 0x0b],
    );
    const { Module, Instance } = (globalThis as unknown as WithWebAssembly).WebAssembly;
    const { f } = new Instance(new Module(bytes)).exports;
    try {
      f();
      expect.unreachable();
    } catch (error) {
      expect(isTrap(error)).toBe(true);
      expect(isOutOfMemory(error)).toBe(true);
    }
    expect(isTrap(new Error('memory access out of bounds'))).toBe(false);
  });
});
