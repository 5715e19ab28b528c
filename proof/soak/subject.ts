import { setTimeout } from 'node:timers/promises';
import { AS_BUILT, ServiceProcess } from '../../test/clients/service-process.js';
import type { Disturbance } from './exchange.js';
import { type Sample, sampleProcesses } from './processes.js';

/** Back to work within this, or never. */
const MAX_RECOVERY_MS = 120_000;
const POLL_MS = 20;

/** A file on a disk that has no room, ever. */
const FULL_DISK = '/dev/full';

/** The service that is soaked, in one life after the other, at one address. */
export class Subject implements Disturbance {
  readonly url: string;
  restarting = false;
  restarts = 0;
  /** From each kill of the engine to the first 200 of /readyz by the next one. */
  readonly secondsToRecover: number[] = [];
  /** From each SIGTERM until the service had ended. */
  readonly secondsToStop: number[] = [];
  readonly #settings: Readonly<Record<string, string>>;
  readonly #store: string;
  readonly #program: readonly string[] | undefined;
  #process: ServiceProcess;

  /** @param fromSources runs the sources in place of what was built */
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

  /** Whether it runs, or is being restarted as it should. */
  get alive(): boolean {
    return this.restarting || this.#process.alive;
  }

  /** Its processes now; none while it is restarted. */
  sample(seconds: number): Sample[] {
    return this.restarting ? [] : sampleProcesses(this.#process.pid, seconds);
  }

  /** SIGTERM, and a new life as soon as the old one has ended. */
  async restart(): Promise<void> {
    this.restarting = true;
    this.restarts++;
    const start = performance.now();
    await this.#process.stop();
    this.secondsToStop.push((performance.now() - start) / 1000);
    // Its log's disk is full from here on.
    this.#process = await ServiceProcess.start(this.#store, this.#settings, this.#program, FULL_DISK);
    this.restarting = false;
  }

  /** Sets the wall clock of the service, to another day each time. */
  setClock(): void {
    process.kill(this.#process.pid, 'SIGUSR2');
  }

  /** SIGKILL of the process that computes predictions; resolves when the next one is ready. */
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

  /** At once; for when something has gone wrong. */
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
