/** A computation failed for lack of memory: in the process, in WebAssembly or on the GPU. */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError';
}

/** Patterns of the messages of allocators that have run out of memory. */
const MESSAGES: readonly RegExp[] = [
  // TensorFlow. The last two are its messages when a copy to the GPU, or CUDA's libraries, run out of memory.
  /\bOOM when allocating\b/,
  /\bResource ?exhausted\b|\bRESOURCE_EXHAUSTED\b/i,
  /\bCUDA_ERROR_OUT_OF_MEMORY\b|\bDst tensor is not initialized\b/,
  /\bCU(BLAS|DNN)_STATUS_ALLOC_FAILED\b/,
  // onnxruntime and the C++ library
  /\bbad[ _]alloc(ation)?\b/,
  /\bFailed to allocate memory\b/i,
  // onnxruntime's WebGPU
  /\bexceeds the max buffer size limit\b/,
  // V8 and WebAssembly
  /\bArray buffer allocation failed\b|\bInvalid (typed )?array (buffer )?length\b/,
  /\bmemory access out of bounds\b|\bout of memory\b/i,
];

/** Returns true if an error, from any library, says that memory has run out. */
export function isOutOfMemory(error: unknown): boolean {
  if (error instanceof OutOfMemoryError) return true;
  return error instanceof Error && MESSAGES.some((message) => message.test(error.message));
}

/** Returns true if an error leaves WebAssembly's memory in an unknown state, because it ended inside a function. */
export function isTrap(error: unknown): boolean {
  return error instanceof Error && error.name === 'RuntimeError';
}
