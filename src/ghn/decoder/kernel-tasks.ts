import type { Window } from './window.js';

/** A kernel to decode: a window of the decoder's plane, and the outputs and inputs that are used of its [C, C]. */
export interface KernelTask {
  /** Row of the nodes' states. */
  readonly node: number;
  readonly window: Window;
  readonly outputs: number;
  readonly inputs: number;
}

/** Tasks that go through the last Linear together: they use the same of its rows. */
export interface KernelBatch {
  readonly outputs: number;
  readonly inputs: number;
  readonly tasks: readonly KernelTask[];
}

export const locations = ({ window }: KernelTask) => window.height * window.width;

const sameWindow = (a: Window, b: Window) =>
  a.top === b.top && a.left === b.left && a.height === b.height && a.width === b.width;

/** Splits tasks into runs of the same window. */
export function byWindow(tasks: readonly KernelTask[]): KernelTask[][] {
  const runs: KernelTask[][] = [];
  for (const task of tasks) {
    const run = runs.at(-1);
    if (run && sameWindow(run[0].window, task.window)) run.push(task);
    else runs.push([task]);
  }
  return runs;
}

/**
 * Gathers tasks that use the same rows of the last Linear, so that each weight is read once for all of them, in batches
 * of at most `maxLocations` places. Within a batch tasks of the same window are neighbours.
 */
export function batchKernels(tasks: readonly KernelTask[], maxLocations: number): KernelBatch[] {
  const windowKey = ({ window: { top, left, height, width } }: KernelTask) =>
    `${top} ${left} ${height} ${width}`;
  const groups = new Map<string, Map<string, KernelTask[]>>();
  for (const task of tasks) {
    const size = `${task.outputs} ${task.inputs}`;
    const windows = groups.get(size) ?? new Map<string, KernelTask[]>();
    groups.set(size, windows);
    const sameWindow = windows.get(windowKey(task));
    if (sameWindow) sameWindow.push(task);
    else windows.set(windowKey(task), [task]);
  }

  const batches: KernelBatch[] = [];
  for (const windows of groups.values()) {
    let batch: KernelTask[] = [];
    let count = 0;
    const close = () => {
      if (batch.length > 0)
        batches.push({ outputs: batch[0].outputs, inputs: batch[0].inputs, tasks: batch });
      batch = [];
      count = 0;
    };
    for (const task of [...windows.values()].flat()) {
      if (count > 0 && count + locations(task) > maxLocations) close();
      batch.push(task);
      count += locations(task);
    }
    close();
  }
  return batches;
}
