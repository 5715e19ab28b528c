import { setTimeout } from 'node:timers/promises';
import { AS_BUILT, ServiceProcess } from '../../test/clients/service-process.js';
import type { Disturbance } from './exchange.js';
import { type Sample, sampleProcesses } from './processes.js';

/** Time limit for a recovery. */
const MAX_RECOVERY_MS = 120_000;
const POLL_MS = 20;

/** A file on a disk that is always full. */
const FULL_DISK = '/dev/full';

/** The service under test, which has several lives at one address. */
export class Subject implements Disturbance {
  readonly url: string;
  restarting = false;
  restarts = 0;
  /** Seconds from each kill of the engine to the first 200 of /readyz by the next one. */
  readonly secondsToRecover: number[] = [];
  /** Seconds from each SIGTERM to the end of the service. */
  readonly secondsToStop: number[] = [];
  readonly #settings: Readonly<Record<string, string>>;
  readonly #store: string;
  readonly #program: readonly string[] | undefined;
  #process: ServiceProcess;

  /** @param fromSources runs the sources instead of the build */
  static async start(
    store: string,
    settings: Readonly<Record<string, string>>,
    fromSources: boolean,
  ): Promise<Subject> {
    const program = fromSources ? undefined : AS_BUILT;
    const process = await ServiceProcess.start(store, settings, program);
    return new Subject(store, settings, program, process);
  }

  private constructor(
    store: string,
    settings: Readonly<Record<string, string>>,
    program: readonly string[] | undefined,
    process: ServiceProcess,
  ) {
    this.#store = store;
    this.#program = program;
    this.#process = process;
    this.url = process.url;
    this.#settings = { ...settings, PORT: new URL(process.url).port };
  }

  /** True if the service runs or is being restarted intentionally. */
  get alive(): boolean {
    return this.restarting || this.#process.alive;
  }

  /** Returns samples of its processes now; none during a restart. */
  sample(seconds: number): Sample[] {
    return this.restarting ? [] : sampleProcesses(this.#process.pid, seconds);
  }

  /** Sends SIGTERM, and starts the service again as soon as it has ended. */
  async restart(): Promise<void> {
    this.restarting = true;
    this.restarts++;
    const start = performance.now();
    await this.#process.stop();
    this.secondsToStop.push((performance.now() - start) / 1000);
    // From now on, the disk of its log is full.
    this.#process = await ServiceProcess.start(this.#store, this.#settings, this.#program, FULL_DISK);
    this.restarting = false;
  }

  /** Changes the wall clock of the service, to another day each time. */
  setClock(): void {
    process.kill(this.#process.pid, 'SIGUSR2');
  }

  /** Sends SIGKILL to the process that computes predictions. Resolves when the next one is ready. */
  async killEngine(): Promise<void> {
    const victim = this.#engine();
    if (victim === undefined) throw new Error('the service has no engine to kill');
    const start = performance.now();
    process.kill(victim, 'SIGKILL');
    while ([victim, undefined].includes(this.#engine()) || !(await this.#isReady())) {
      if (performance.now() - start > MAX_RECOVERY_MS) {
        throw new Error(`the service is not ready ${MAX_RECOVERY_MS / 1000} s after its engine was killed`);
      }
      await setTimeout(POLL_MS);
    }
    this.secondsToRecover.push((performance.now() - start) / 1000);
  }

  async stop(): Promise<void> {
    const start = performance.now();
    await this.#process.stop();
    this.secondsToStop.push((performance.now() - start) / 1000);
  }

  /** Ends the service at once, after something has failed. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  #engine(): number | undefined {
    return this.sample(0).find(({ role }) => role === 'predictor')?.pid;
  }

  async #isReady(): Promise<boolean> {
    return fetch(`${this.url}/readyz`, { headers: { connection: 'close' } }).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
