import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../../test/store/s3/server.js';

const SERVER = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), 'go', 'bin')]
  .map((folder) => join(folder, 'toxiproxy-server'))
  .find(existsSync);

/** The reason why links cannot be cut; null if they can. */
export const NO_TOXIPROXY = SERVER
  ? null
  : 'no toxiproxy-server: go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0, and name it toxiproxy-server';

/** A fault of a link, in the terms of toxiproxy. */
export interface Toxic {
  readonly type: 'timeout' | 'reset_peer' | 'latency' | 'limit_data';
  readonly attributes: Readonly<Record<string, number>>;
}

export const TOXICS: readonly Toxic[] = [
  { type: 'timeout', attributes: { timeout: 0 } },
  { type: 'reset_peer', attributes: { timeout: 0 } },
  { type: 'latency', attributes: { latency: 2000 } },
  { type: 'limit_data', attributes: { bytes: 500 } },
];

/** Links that can be cut and repaired. */
export class Toxiproxy {
  readonly #process: ChildProcess;
  readonly #api: string;

  private constructor(process: ChildProcess, api: string) {
    this.#process = process;
    this.#api = api;
  }

  static async start(): Promise<Toxiproxy> {
    if (!SERVER) throw new Error(NO_TOXIPROXY!);
    const port = await freePort();
    const child = spawn(SERVER, ['-host', '127.0.0.1', '-port', String(port)], { stdio: 'ignore' });
    const api = `http://127.0.0.1:${port}`;
    while (!(await fetch(`${api}/version`).catch(() => null))) await setTimeout(50);
    return new Toxiproxy(child, api);
  }

  /** Creates a link to a port of this machine. Returns the port of the link. */
  async link(name: string, port: number): Promise<number> {
    const own = await freePort();
    await this.#ask('POST', '/proxies', {
      name,
      listen: `127.0.0.1:${own}`,
      upstream: `127.0.0.1:${port}`,
      enabled: true,
    });
    return own;
  }

  /** Makes the link faulty in both directions. Returns a function that repairs it. */
  async poison(name: string, { type, attributes }: Toxic): Promise<() => Promise<void>> {
    for (const stream of ['upstream', 'downstream']) {
      await this.#ask('POST', `/proxies/${name}/toxics`, { name: stream, type, stream, attributes });
    }
    return async () => {
      for (const stream of ['upstream', 'downstream'])
        await this.#ask('DELETE', `/proxies/${name}/toxics/${stream}`);
    };
  }

  stop(): void {
    this.#process.kill();
  }

  async #ask(method: string, path: string, body?: object): Promise<void> {
    const response = await fetch(this.#api + path, { method, body: body && JSON.stringify(body) });
    if (!response.ok)
      throw new Error(`toxiproxy: ${method} ${path}: ${response.status} ${await response.text()}`);
  }
}
