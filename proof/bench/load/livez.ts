import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The answers of /livez to a client that asks every 10 ms. */
export interface LivezMeasurement {
  /** Milliseconds, from the moments at which the requests were meant to be sent. */
  readonly latencies: readonly number[];
  /** Requests without an answer, or with another than 200. */
  readonly failures: number;
}

/** Requests /livez the whole time, from a process of its own. */
export class LivezProbe {
  readonly #process: ChildProcess;

  constructor(port: number) {
    this.#process = fork(fileURLToPath(new URL('./livez-probe.ts', import.meta.url)), [String(port)]);
  }

  /** Measurements since the last call. */
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
