import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** A built service with an empty store, started as a user starts it. */
export class RunningService {
  readonly port: number;
  /** Seconds from the start to the first 200 of /readyz. */
  readonly secondsToReady: number;
  readonly #process: ChildProcess;
  readonly #store: string;

  private constructor(process: ChildProcess, store: string, port: number, secondsToReady: number) {
    this.#process = process;
    this.#store = store;
    this.port = port;
    this.secondsToReady = secondsToReady;
  }

  static async start(environment: Readonly<Record<string, string>>, port = 3900): Promise<RunningService> {
    const store = await mkdtemp(join(tmpdir(), 'ghn-serve-bench-'));
    const start = performance.now();
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, STORE: store, PORT: String(port), LOG_LEVEL: 'error', ...environment },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.once('exit', (code) => {
      if (code) throw new Error(`the service ended with exit code ${code}`);
    });
    for (;;) {
      const status = await request(port, 'GET', '/readyz').then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) break;
      await setTimeout(20);
    }
    return new RunningService(child, store, port, (performance.now() - start) / 1000);
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
    await rm(this.#store, { recursive: true, force: true });
  }

  /** The process id of the service. */
  get pid(): number {
    return this.#process.pid!;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Sends one request over loopback, and reads and discards the body. */
export function request(
  port: number,
  method: string,
  path: string,
  body?: string,
  extraHeaders: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const headers = {
      ...extraHeaders,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const outgoing = http.request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength;
      });
      response.on('end', () => {
        const milliseconds = performance.now() - start;
        resolve({ status: response.statusCode!, headers: response.headers, bytes, milliseconds });
      });
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Returns the body of a GET. */
export function bytesOf(port: number, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks)));
        response.on('error', reject);
      })
      .on('error', reject);
  });
}

/** Requests /livez every few milliseconds while something else runs. Returns the 99th percentile of its latency. */
export async function livezWhile<T>(port: number, work: Promise<T>): Promise<{ result: T; p99: number }> {
  let isOver = false;
  const finished = work.finally(() => {
    isOver = true;
  });
  const latencies: number[] = [];
  while (!isOver) {
    latencies.push((await request(port, 'GET', '/livez')).milliseconds);
    await setTimeout(5);
  }
  latencies.sort((a, b) => a - b);
  return { result: await finished, p99: latencies[Math.floor(0.99 * (latencies.length - 1))] };
}
