import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Answers of /livez to a client that asks every 10 ms. */
export interface LivezMeasurement {
  /** Milliseconds from the times at which the requests were due. */
  readonly latencies: readonly number[];
  /** Number of requests without an answer, or with another status than 200. */
  readonly failures: number;
}

/** Requests /livez continuously from a separate process. */
export class LivezProbe {
  readonly #process: ChildProcess;

  constructor(port: number) {
    this.#process = fork(fileURLToPath(new URL('./livez-probe.ts', import.meta.url)), [String(port)]);
  }

  /** Returns the measurements since the last call. */
  async take(): Promise<LivezMeasurement> {
    const answer = once(this.#process, 'message');
    this.#process.send('take');
    const [measurement] = (await answer) as [LivezMeasurement];
    return measurement;
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.disconnect();
    await gone;
  }
}
