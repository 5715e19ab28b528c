import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { enginePid } from '../../test/clients/engine-process.js';
import { FROM_SOURCES, ServiceProcess } from '../../test/clients/service-process.js';
import { type RedisServer, startRedis } from '../../test/predictions/board/redis-server.js';
import { BUCKET, type S3Server, startS3 } from '../../test/store/s3/server.js';
import { Toxiproxy } from './toxiproxy.js';

export type Role = 'api' | 'worker';

/** The links of the services, by their names in toxiproxy. */
export const LINKS = ['api-redis', 'api-s3', 'worker-redis', 'worker-s3'] as const;

/** Arguments with which each prediction of a worker gets different bits. */
const OTHER_BITS = ['--import', fileURLToPath(new URL('./other-bits.mjs', import.meta.url))];

/** Services in two roles, the servers that they share, and the links between them. */
export class Fleet {
  readonly s3: S3Server;
  readonly redis: RedisServer;
  readonly links: Toxiproxy;
  readonly #settings: Readonly<Record<Role, Readonly<Record<string, string>>>>;
  readonly #program: readonly string[];
  readonly #services: Record<Role, ServiceProcess[]> = { api: [], worker: [] };
  /** Services that are starting as replacements. */
  readonly #starting = new Set<Promise<void>>();

  private constructor(
    s3: S3Server,
    redis: RedisServer,
    links: Toxiproxy,
    settings: Readonly<Record<Role, Readonly<Record<string, string>>>>,
    program: readonly string[],
  ) {
    this.s3 = s3;
    this.redis = redis;
    this.links = links;
    this.#settings = settings;
    this.#program = program;
  }

  static async start(
    counts: Readonly<Record<Role, number>>,
    common: Readonly<Record<string, string>>,
    program: readonly string[] = FROM_SOURCES,
  ): Promise<Fleet> {
    const [s3, redis, links] = await Promise.all([
      startS3(),
      startRedis({ isKept: true }),
      Toxiproxy.start(),
    ]);
    const redisPort = Number(new URL(redis.url).port);
    const settingsOf = async (role: Role) => ({
      ...common,
      ROLE: role,
      THREADS: '1',
      MAX_QUEUE: '10000',
      MAX_EVENT_LOOP_DELAY_MS: '0',
      LOG_LEVEL: 'info',
      S3_ENDPOINT: `http://127.0.0.1:${await links.link(`${role}-s3`, s3.port)}`,
      QUEUE: `redis://127.0.0.1:${await links.link(`${role}-redis`, redisPort)}`,
    });
    const settings = { api: await settingsOf('api'), worker: await settingsOf('worker') };
    const fleet = new Fleet(s3, redis, links, settings, program);
    for (const role of ['worker', 'api'] as const) {
      await Promise.all(Array.from({ length: counts[role] }, () => fleet.add(role)));
    }
    return fleet;
  }

  get apis(): readonly ServiceProcess[] {
    return this.#services.api;
  }

  get workers(): readonly ServiceProcess[] {
    return this.#services.worker;
  }

  /** Starts one more service. */
  async add(role: Role, settings: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    const service = await this.#launch(role, settings);
    this.#services[role].push(service);
    return service;
  }

  /** Kills a service as a crash does, and starts a replacement. Never kills the last one of its role. */
  async kill(role: Role): Promise<void> {
    for (;;) {
      const all = this.#services[role];
      const alive = all.filter((service) => service.alive);
      if (alive.length > all.length / 2) {
        const victim = alive[Math.floor(Math.random() * alive.length)];
        const place = all.indexOf(victim);
        await victim.kill();
        const started = this.#launch(role).then((service) => {
          all[place] = service;
          this.#starting.delete(started);
        });
        this.#starting.add(started);
        return;
      }
      await Promise.race(this.#starting);
    }
  }

  /** Waits until all replacements have started. */
  async whole(): Promise<void> {
    await Promise.all(this.#starting);
  }

  /** Kills the engine of one of the workers as a crash does. Returns true if it had one. */
  async killEngine(): Promise<boolean> {
    const { pid } = this.workers[Math.floor(Math.random() * this.workers.length)];
    const engine = await enginePid(pid);
    if (engine === undefined) return false;
    process.kill(engine, 'SIGKILL');
    return true;
  }

  /** Returns the sum of a counter over the current workers. */
  async total(name: string): Promise<number> {
    let sum = 0;
    for (const { url } of this.workers) {
      const text = await (await fetch(`${url}/metrics`)).text();
      for (const [, value] of text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm')))
        sum += Number(value);
    }
    return sum;
  }

  async stop(): Promise<void> {
    await this.whole();
    await Promise.all([...this.apis, ...this.workers].map((service) => service.kill()));
    this.links.stop();
    await Promise.all([this.s3.stop(), this.redis.stop()]);
  }

  async #launch(role: Role, settings: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    // Inserted before the main module and after the loader for TypeScript.
    const program = role === 'worker' ? this.#program.toSpliced(-1, 0, ...OTHER_BITS) : this.#program;
    // Redis or the bucket may be unreachable at the moment.
    for (let time = 0; ; time++) {
      try {
        const all = { ...this.#settings[role], ...settings };
        return await ServiceProcess.start(`s3://${BUCKET}/proof`, all, program);
      } catch (error) {
        if (time === 10) throw error;
        await setTimeout(1000);
      }
    }
  }
}
