import { corpusFiles, keepFinding, readCorpusFile } from '../corpus.js';
import { inputsOf } from '../inputs/input.js';
import type { Target } from '../targets/target.js';
import type { Result, Task } from './protocol.js';
import { runTask } from './run.js';

/** Time limit of an input in wall-clock time or, on a busy machine, in processor time. */
const MAX_MS = 1000;

/** Limit of the wall-clock time of an input, including waiting. */
const MAX_WAIT_MS = 15_000;

/** Number of times that an input above its limit is run again by itself. Its best result counts. */
const RETRIES = 3;

/** Number of inputs that one process runs. */
const TASK_INPUTS = 2500;

/** A fault that was found. */
export interface Finding {
  readonly target: string;
  readonly message: string;
  /** Path of the saved input. */
  readonly path: string;
}

export interface Tally {
  readonly target: Target;
  inputs: number;
  accepted: number;
  refused: number;
  slowestMilliseconds: number;
  busiestMilliseconds: number;
  largestBytes: number;
  readonly findings: Finding[];
}

export interface FuzzOptions {
  readonly targets: readonly Target[];
  readonly inputs: number;
  readonly seed: number;
  readonly processes: number;
  readonly keep?: (target: string, name: string, input: Buffer) => string;
  /** Called each time a process has run its inputs, with the tallies so far. */
  readonly onProgress?: (tallies: readonly Tally[]) => void;
}

/** Runs generated inputs through all targets, in separate processes, and reports the results. */
export async function fuzz({
  targets,
  inputs,
  seed,
  processes,
  keep = keepFinding,
  onProgress,
}: FuzzOptions): Promise<Tally[]> {
  const shares = targets.reduce((sum, { share }) => sum + share, 0);
  const tallies = targets.map(emptyTally);
  const tasks = tallies.flatMap((tally) => {
    const count = Math.max(1, Math.round((inputs * tally.target.share) / shares));
    const starts = Array.from({ length: Math.ceil(count / TASK_INPUTS) }, (_, i) => i * TASK_INPUTS);
    return starts.map((from) => ({ tally, from, to: Math.min(count, from + TASK_INPUTS) }));
  });
  const runNext = async (): Promise<void> => {
    for (let next = tasks.shift(); next; next = tasks.shift()) {
      const { tally, from, to } = next;
      const { target } = tally;
      const task: Task = { target: target.name, seed, from, to };
      const corpus = corpusFiles(target.name).map((name) => readCorpusFile(target.name, name));
      const keepAt = (index: number) =>
        keep(target.name, `seed${seed}-${index}`, inputsOf(target, corpus, seed)(index));
      const suspects: Result[] = [];
      await runTask(task, (result) => {
        if (isOverBound(target, result)) suspects.push(result);
        else count(tally, result, () => keepAt(result.index));
      });
      for (const { index } of suspects) {
        const best = await alone({ ...task, from: index, to: index + 1 }, target);
        count(tally, best, () => keepAt(index));
      }
      onProgress?.(tallies);
    }
  };
  await Promise.all(Array.from({ length: processes }, runNext));
  return tallies;
}

/** Runs files, each in a separate process. */
export async function replay(files: readonly { target: Target; path: string }[]): Promise<Tally[]> {
  const tallies = new Map<Target, Tally>();
  for (const { target, path } of files) {
    const tally = tallies.get(target) ?? emptyTally(target);
    tallies.set(target, tally);
    count(
      tally,
      await alone({ target: target.name, seed: 0, from: 0, to: 1, file: path }, target),
      () => path,
    );
  }
  return [...tallies.values()];
}

function emptyTally(target: Target): Tally {
  return {
    target,
    inputs: 0,
    accepted: 0,
    refused: 0,
    slowestMilliseconds: 0,
    busiestMilliseconds: 0,
    largestBytes: 0,
    findings: [],
  };
}

function boundOf({ memory }: Target, size: number): number {
  return memory.constant + memory.factor * size;
}

function isTooSlow({ milliseconds, busyMilliseconds }: Result): boolean {
  return Math.min(milliseconds, busyMilliseconds) > MAX_MS || milliseconds > MAX_WAIT_MS;
}

function isOverBound(target: Target, result: Result): boolean {
  return result.outcome !== 'failed' && (isTooSlow(result) || result.bytes > boundOf(target, result.size));
}

/** Measures an input in a new process, several times, so that other work on the machine does not count. */
async function alone(task: Task, target: Target): Promise<Result> {
  let best: Result | undefined;
  for (let attempt = 0; attempt < RETRIES; attempt++) {
    let result: Result | undefined;
    await runTask({ ...task, alone: true }, (one) => {
      result = one;
    });
    const { outcome, milliseconds, busyMilliseconds, bytes } = result!;
    if (outcome === 'failed') return result!;
    best = {
      ...result!,
      milliseconds: Math.min(milliseconds, best?.milliseconds ?? milliseconds),
      busyMilliseconds: Math.min(busyMilliseconds, best?.busyMilliseconds ?? busyMilliseconds),
      bytes: Math.min(bytes, best?.bytes ?? bytes),
    };
    if (!isOverBound(target, best)) break;
  }
  return best!;
}

function count(tally: Tally, result: Result, keep: () => string): void {
  const { target } = tally;
  const { outcome, milliseconds, busyMilliseconds, bytes, size, message } = result;
  tally.inputs++;
  tally.slowestMilliseconds = Math.max(tally.slowestMilliseconds, milliseconds);
  tally.busiestMilliseconds = Math.max(tally.busiestMilliseconds, busyMilliseconds);
  tally.largestBytes = Math.max(tally.largestBytes, bytes);
  const find = (text: string) => tally.findings.push({ target: target.name, message: text, path: keep() });
  if (outcome === 'failed') {
    find(message ?? 'failed');
    return;
  }
  tally[outcome]++;
  if (isTooSlow(result)) {
    find(`${outcome} in ${Math.round(milliseconds)} ms, ${Math.round(busyMilliseconds)} of the processor's`);
  }
  if (bytes > boundOf(target, size)) {
    find(
      `${outcome} with ${bytes} bytes of memory, more than ${boundOf(target, size)} for ${size} bytes of input`,
    );
  }
}
