import { setImmediate } from 'node:timers/promises';

/** Values that are worked on before the event loop has a turn: a few milliseconds. */
const TURN = 2 ** 18;

/**
 * Does something with each row of a matrix, and lets the event loop and whoever aborts come in between.
 *
 * @throws the signal's reason once it is aborted
 */
export async function eachRow(
  rows: number,
  columns: number,
  work: (row: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const rowsPerTurn = Math.ceil(TURN / columns);
  for (let row = 0; row < rows; row++) {
    if (row % rowsPerTurn === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    work(row);
  }
}
