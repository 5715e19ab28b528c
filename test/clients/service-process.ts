import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FULL, GHN_CHECKPOINTS } from './proof.js';

/** Arguments that run the service from its sources. */
export const FROM_SOURCES = ['--import', 'tsx', fileURLToPath(new URL('../../src/main.ts', import.meta.url))];

/** Arguments that run the built service, as its users run it. */
export const AS_BUILT = [fileURLToPath(new URL('../../dist/main.js', import.meta.url))];

/** Number of log lines that are shown when the service does not start. */
const MAX_LOGGED = 20;

/** A log line with the level of errors, or above. */
const ERROR = /^\{"level":"(?:error|fatal)"/;

/**
 * The whole service as its users run it, in separate processes, so that it can be measured from outside, and killed.
 */
export class ServiceProcess {
  readonly url: string;
  /** The last errors in its log. */
  readonly errors: readonly string[];
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, url: string, errors: readonly string[] = []) {
    this.#child = child;
    this.url = url;
    this.errors = errors;
  }

  /**
   * Starts a service. Resolves when the GHNs are loaded.
   *
   * @param log a file for its log, which is not read, so PORT has to be set
   */
  static async start(
    store: string,
    settings: Readonly<Record<string, string>> = {},
    program: readonly string[] = FULL ? AS_BUILT : FROM_SOURCES,
    log?: string,
  ): Promise<ServiceProcess> {
    const env = { ...process.env, GHN_CHECKPOINTS, STORE: store, PORT: '0', LOG_LEVEL: 'info', ...settings };
    if (log !== undefined) return startSilent(program, env, log);
    const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout! });
    const logged: string[] = [];
    const errors: string[] = [];
    const started = new Promise<string>((resolve, reject) => {
      let url = '';
      lines.on('line', (line) => {
        if (logged.push(line) > MAX_LOGGED) logged.shift();
        if (ERROR.test(line) && errors.push(line) > MAX_LOGGED) errors.shift();
        url ||= /listening at (http:\/\/[\d.:]+)/.exec(line)?.[1] ?? '';
        if (line.includes('"msg":"ready"')) resolve(url);
      });
      child.once('exit', () => reject(new Error(`the service has not started:\n${logged.join('\n')}`)));
    });
    return new ServiceProcess(child, await started, errors);
  }

  /** The id of the main process. */
  get pid(): number {
    return this.#child.pid!;
  }

  /** True while the service runs. */
  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Code with which the main process ended by itself; null if it has not. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /**
   * Kills the service at once. Resolves when all of its processes have ended, since all of them write to the same log.
   */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops the service as an operator does. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Memory of the main process, in bytes. */
  async residentMemory(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  /** Returns the targets of the main process's file descriptors. */
  async openFiles(): Promise<string[]> {
    const folder = `/proc/${this.#child.pid}/fd`;
    const links = (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => ''));
    return (await Promise.all(links)).filter((link) => link !== '');
  }

  /** Does nothing if the service has ended already. */
  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.alive) return;
    const gone = once(this.#child, 'close');
    this.#child.kill(signal);
    await gone;
  }
}

const READY_POLL_MS = 100;

async function startSilent(
  program: readonly string[],
  env: NodeJS.ProcessEnv,
  log: string,
): Promise<ServiceProcess> {
  const url = `http://127.0.0.1:${env.PORT}`;
  const file = await open(log, 'w');
  const child = spawn(process.execPath, program, { env, stdio: ['ignore', file.fd, 'inherit'] });
  await file.close();
  const isReady = () =>
    fetch(`${url}/readyz`, { headers: { connection: 'close' } }).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`the service has not started, with ${child.exitCode}`);
    await setTimeout(READY_POLL_MS);
  }
  return new ServiceProcess(child, url);
}
