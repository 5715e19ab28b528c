import type { Window } from './window.js';

/**
 * A kernel to decode: a window of the decoder's plane, and the number of outputs and inputs that are used of its [C,
 * C].
 */
export interface KernelTask {
  /** The row of this node in the nodes' states. */
  readonly node: number;
  readonly window: Window;
  readonly outputs: number;
  readonly inputs: number;
}

/** The number of places in a task's window of the plane. */
export function placesOf({ window }: KernelTask): number {
  return window.height * window.width;
}

const windowKey = ({ window: { top, left, height, width } }: KernelTask) =>
  `${top} ${left} ${height} ${width}`;

/** Groups tasks by window. */
export function byWindow(tasks: readonly KernelTask[]): KernelTask[][] {
  const groups = new Map<string, KernelTask[]>();
  for (const task of tasks) {
    const key = windowKey(task);
    const group = groups.get(key);
    if (group) group.push(task);
    else groups.set(key, [task]);
  }
  return [...groups.values()];
}

/**
 * Divides tasks into batches of at most `maxPlaces` places, or of one task. Tasks with the same window are adjacent.
 */
export function batches(tasks: readonly KernelTask[], maxPlaces: number): KernelTask[][] {
  const all: KernelTask[][] = [];
  let places = Number.POSITIVE_INFINITY;
  for (const task of byWindow(tasks).flat()) {
    places += placesOf(task);
    if (places > maxPlaces) {
      all.push([]);
      places = placesOf(task);
    }
    all[all.length - 1].push(task);
  }
  return all;
}

/**
 * Channel pairs that the same tasks use. Each range goes from its first number up to, but not including, the second.
 */
export interface ChannelCell {
  readonly outputs: readonly [number, number];
  readonly inputs: readonly [number, number];
  readonly tasks: readonly KernelTask[];
}

/**
 * Divides the channel pairs that any task uses into cells, so that the weights of each pair are read once for all tasks
 * that use it. Reading them takes longer than multiplying.
 */
export function channelCells(tasks: readonly KernelTask[]): ChannelCell[] {
  const ends = (sizes: readonly number[]) => [...new Set(sizes)].sort((a, b) => a - b);
  const cells: ChannelCell[] = [];
  let firstOutput = 0;
  for (const outputs of ends(tasks.map((task) => task.outputs))) {
    const wide = tasks.filter((task) => task.outputs >= outputs);
    let firstInput = 0;
    for (const inputs of ends(wide.map((task) => task.inputs))) {
      cells.push({
        outputs: [firstOutput, outputs],
        inputs: [firstInput, inputs],
        tasks: wide.filter((task) => task.inputs >= inputs),
      });
      firstInput = inputs;
    }
    firstOutput = outputs;
  }
  return cells;
}
