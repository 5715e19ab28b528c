import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Message, Result, Task } from './protocol.js';

const PROCESS = fileURLToPath(new URL('process.ts', import.meta.url));

/** An input that takes this long counts as hung. */
const HANG_MS = 30_000;

/** Time limit for starting a target. A service that loads its GHNs takes longest. */
const START_MS = 120_000;

/** Interval of the watchdog's checks. */
const WATCH_MS = 200;

/** Heap size of a process that runs inputs. Memory outside the heap is measured and limited. */
const HEAP_MIB = 768;

export interface RunOptions {
  /** The module that a process runs. */
  readonly module: string;
  readonly hangMilliseconds: number;
}

const USUAL: RunOptions = { module: PROCESS, hangMilliseconds: HANG_MS };

/** Runs a task and returns all results. Inputs that ended the process count as failed. */
export async function runTask(
  task: Task,
  onResult: (result: Result) => void,
  options = USUAL,
): Promise<void> {
  let { from } = task;
  while (from < task.to) {
    const end = await runOnce({ ...task, from }, onResult, options);
    if (end.isDone) return;
    const message = end.message;
    const times = { milliseconds: end.waited, busyMilliseconds: 0 };
    onResult({ index: end.next, outcome: 'failed', ...times, bytes: 0, size: 0, message });
    from = end.next + 1;
  }
}

type End =
  | { readonly isDone: true }
  | { readonly isDone: false; readonly next: number; readonly waited: number; readonly message: string };

function runOnce(
  task: Task,
  onResult: (result: Result) => void,
  { module, hangMilliseconds }: RunOptions,
): Promise<End> {
  const child: ChildProcess = fork(module, {
    execArgv: ['--import', 'tsx', `--max-old-space-size=${HEAP_MIB}`],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  let next = task.from;
  let isDone = false;
  let isReady = false;
  let lastSign = performance.now();
  let ended = '';
  let harness = '';
  let complaints = '';
  child.stderr!.on('data', (data: Buffer) => {
    complaints = (complaints + data.toString()).slice(-2000);
  });
  const watchdog = setInterval(() => {
    const limit = isReady ? hangMilliseconds : START_MS;
    if (performance.now() - lastSign < limit) return;
    ended = `no result after ${limit / 1000} s`;
    child.kill('SIGKILL');
  }, WATCH_MS);
  child.on('message', (message: Message) => {
    lastSign = performance.now();
    if (message.kind === 'ready') isReady = true;
    else if (message.kind === 'done') isDone = true;
    else if (message.kind === 'failed') harness = message.message;
    else {
      next = message.result.index + 1;
      onResult(message.result);
    }
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearInterval(watchdog);
      if (harness !== '') reject(new Error(`${task.target}, at input ${next}: ${harness}`));
      else if (isDone) resolve({ isDone });
      else if (!isReady) reject(new Error(`${task.target} could not be started: ${ended || complaints}`));
      else {
        const message = ended || `the process ended with ${signal ?? code}: ${complaints}`;
        resolve({ isDone, next, waited: performance.now() - lastSign, message });
      }
    });
    child.send(task);
  });
}
