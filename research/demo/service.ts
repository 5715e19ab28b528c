import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readSafetensors, type Weights } from './safetensors.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Prediction {
  readonly weights: Weights;
  /** From the request until the weights were there, in milliseconds. */
  readonly latency: number;
}

/** The service, in a process of its own, on a free port, with a store of its own that goes with it. */
export class Service {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #store: string;

  private constructor(url: string, child: ChildProcess, store: string) {
    this.url = url;
    this.#child = child;
    this.#store = store;
  }

  /** Resolves when the GHN is loaded. */
  static async start(): Promise<Service> {
    const store = await mkdtemp(join(tmpdir(), 'ghn-serve-demo-'));
    const settings = {
      HOST: '127.0.0.1',
      PORT: '0',
      STORE: store,
      API_KEYS: '',
      RATE_LIMIT: '',
      LOG_LEVEL: 'info',
    };
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, ...settings },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      return new Service(await listening(child), child, store);
    } catch (error) {
      await rm(store, { recursive: true, force: true });
      throw error;
    }
  }

  /** @throws with the service's own words where it refuses the architecture */
  async predict(architecture: unknown): Promise<Prediction> {
    const start = performance.now();
    const response = await fetch(`${this.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ architecture }),
    });
    if (!response.ok) throw new Error(`the service refuses to predict: ${await response.text()}`);
    const weights = readSafetensors(await response.arrayBuffer());
    return { weights, latency: performance.now() - start };
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await gone;
    await rm(this.#store, { recursive: true, force: true });
  }
}

/** Returns the address of the service once it is ready; its log tells both. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let url = '';
    createInterface({ input: child.stdout! }).on('line', (line) => {
      url ||= /listening at (http:\/\/[\d.:]+)/.exec(line)?.[1] ?? '';
      if (line.includes('"msg":"ready"')) resolve(url);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error('the service has not started')));
  });
}
