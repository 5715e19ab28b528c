import { totalmem } from 'node:os';

/** Share of the machine's memory. The rest is for the operating system, its cache of the store, and errors of the estimates. */
const SHARE = 0.75;

/** Memory of the service's processes when they are idle. */
const IDLE_BYTES = 400e6;

/** Small predictions are made however little there seems to be. */
const LEAST_BYTES = 256e6;

const FLOAT_BYTES = 4;

/** Bytes of memory that the container may use, or that the machine has. */
export const MEMORY_LIMIT = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());

/** Bytes that answers which their clients have not read may hold together, with what streams have ready. */
export const UNREAD_ANSWER_BYTES = Math.min(512 * 2 ** 20, MEMORY_LIMIT / 8);

/** Bytes that bodies which are being received may take up together; parsed they take up several times as much. */
export const RECEIVED_BODIES_BYTES = Math.min(256 * 2 ** 20, MEMORY_LIMIT / 16);

/**
 * Bytes that are left for predictions, in all of the service's processes together.
 *
 * @param parameters how many numbers the loaded GHNs hold
 */
export function memoryForPredictions(parameters: number): number {
  return Math.max(LEAST_BYTES, SHARE * MEMORY_LIMIT - IDLE_BYTES - FLOAT_BYTES * parameters);
}

/** Objects of a body take up to so many times its bytes. */
const BYTES_PER_BODY_BYTE = 40;

/** Memory for the code of a process, in addition to the body that it reads. */
const LEAST_HEAP_MEGABYTES = 160;

/** Heap of the process that reads large bodies, in MiB: as large as a body can need, and no larger share than others spare. */
export function readerHeapMegabytes(bodyLimit: number): number {
  const needed = BYTES_PER_BODY_BYTE * bodyLimit;
  return Math.max(LEAST_HEAP_MEGABYTES, Math.round(Math.min(needed, MEMORY_LIMIT / 4) / 2 ** 20));
}
