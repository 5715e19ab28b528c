import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { corpusFiles, readCorpusFile } from '../corpus.js';
import { inputsOf } from '../inputs/input.js';
import { findTarget } from '../targets/index.js';
import type { Opened } from '../targets/target.js';
import { peakMeter } from './memory.js';
import type { Message, Result, Task } from './protocol.js';

const send = (message: Message) => process.send?.(message);

/** Runs inputs one after another and reports each. The parent process notices if this process ends or hangs. */
async function run(task: Task): Promise<void> {
  const target = findTarget(task.target);
  const corpus = corpusFiles(target.name).map((name) => readCorpusFile(target.name, name));
  const inputOf = inputsOf(target, corpus, task.seed);
  const opened = await target.open();
  const outcome = await opened.run(target.valid());
  if (outcome !== 'accepted') throw new Error('an input that is as it should be is refused');
  send({ kind: 'ready' });
  const meter = peakMeter();
  const collect = task.alone ? exposedCollector() : () => {};
  for (let index = task.from; index < task.to; index++) {
    const input = task.file === undefined ? inputOf(index) : readFileSync(task.file);
    collect();
    meter.start();
    const start = performance.now();
    const busy = process.cpuUsage();
    const end = await outcomeOf(opened, input);
    const { user, system } = process.cpuUsage(busy);
    const times = { milliseconds: performance.now() - start, busyMilliseconds: (user + system) / 1000 };
    const result: Result = { index, ...times, bytes: meter.stop(), size: input.length, ...end };
    send({ kind: 'result', result });
  }
  await opened.close();
}

async function outcomeOf(opened: Opened, input: Buffer): Promise<Pick<Result, 'outcome' | 'message'>> {
  try {
    return { outcome: await opened.run(input) };
  } catch (error) {
    return { outcome: 'failed', message: error instanceof Error ? String(error.stack) : String(error) };
  }
}

function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

process.once('message', (task: Task) => {
  run(task)
    .then(
      () => {},
      (error: Error) => send({ kind: 'failed', message: String(error.stack) }),
    )
    // Ends the process with whatever a failed target has left open.
    .finally(() => process.send?.({ kind: 'done' } satisfies Message, () => process.exit()));
});
