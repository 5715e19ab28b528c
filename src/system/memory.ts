import { totalmem } from 'node:os';

/**
 * Share of the machine's memory that the service plans with. The rest is for the operating system, its cache of the
 * store, and errors of the estimates.
 */
const SHARE = 0.75;

/** Memory of the service's processes when they are idle. */
const IDLE_BYTES = 400e6;

/** Predictions that need less than this are accepted however little memory there seems to be. */
const LEAST_BYTES = 256e6;

const FLOAT_BYTES = 4;

/** Bytes of memory that the container may use, or that the machine has. */
export const MEMORY_LIMIT = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());

/** Limit of bytes that unread answers may hold together, including those that streams have ready. */
export const UNREAD_ANSWER_BYTES = Math.min(512 * 2 ** 20, MEMORY_LIMIT / 8);

/** Limit of bytes of all bodies that are being received. A parsed body takes several times as much. */
export const RECEIVED_BODIES_BYTES = Math.min(256 * 2 ** 20, MEMORY_LIMIT / 16);

/**
 * Returns the number of bytes for predictions, in all processes of the service together.
 *
 * @param parameters number of values in the loaded GHNs
 */
export function memoryForPredictions(parameters: number): number {
  return Math.max(LEAST_BYTES, SHARE * MEMORY_LIMIT - IDLE_BYTES - FLOAT_BYTES * parameters);
}

/** Parsed objects of a body take up to this many times its bytes. */
const BYTES_PER_BODY_BYTE = 40;

/** Memory for the code of a process, in addition to the body that it reads. */
const LEAST_HEAP_MEGABYTES = 160;

/**
 * Returns the heap size, in MiB, of the process that reads large bodies: as much as a body can need, but no more than a
 * quarter of the memory.
 */
export function readerHeapMegabytes(bodyLimit: number): number {
  const needed = BYTES_PER_BODY_BYTE * bodyLimit;
  return Math.max(LEAST_HEAP_MEGABYTES, Math.round(Math.min(needed, MEMORY_LIMIT / 4) / 2 ** 20));
}
