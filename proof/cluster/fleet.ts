import { setTimeout } from 'node:timers/promises';
import { enginePid } from '../../test/clients/engine-process.js';
import { ServiceProcess } from '../../test/clients/service-process.js';
import { type RedisServer, startRedis } from '../../test/predictions/board/redis-server.js';
import { BUCKET, type S3Server, startS3 } from '../../test/store/s3/server.js';
import { Toxiproxy } from './toxiproxy.js';

export type Role = 'api' | 'worker';

/** The links of the services, as toxiproxy names them. */
export const LINKS = ['api-redis', 'api-s3', 'worker-redis', 'worker-s3'] as const;

/** Services of two roles, the servers that they share, and the links between. */
export class Fleet {
  readonly s3: S3Server;
  readonly redis: RedisServer;
  readonly links: Toxiproxy;
  readonly #settings: Readonly<Record<Role, Readonly<Record<string, string>>>>;
  readonly #program: readonly string[] | undefined;
  readonly #services: Record<Role, ServiceProcess[]> = { api: [], worker: [] };

  private constructor(
    s3: S3Server,
    redis: RedisServer,
    links: Toxiproxy,
    settings: Readonly<Record<Role, Readonly<Record<string, string>>>>,
    program: readonly string[] | undefined,
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
    program?: readonly string[],
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
      for (let k = 0; k < counts[role]; k++) fleet.#services[role][k] = await fleet.#launch(role);
    }
    return fleet;
  }

  get apis(): readonly ServiceProcess[] {
    return this.#services.api;
  }

  get workers(): readonly ServiceProcess[] {
    return this.#services.worker;
  }

  /** Ends one as a crash does, and starts another in its place. */
  async replace(role: Role, k: number): Promise<void> {
    await this.#services[role][k].kill();
    this.#services[role][k] = await this.#launch(role);
  }

  /** Ends the engine of a worker as a crash does. */
  async killEngine(k: number): Promise<void> {
    const pid = await enginePid(this.workers[k].pid);
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }

  /** A counter of the workers that there are now, all together. */
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
    await Promise.all([...this.apis, ...this.workers].map((service) => service.kill()));
    this.links.stop();
    await Promise.all([this.s3.stop(), this.redis.stop()]);
  }

  async #launch(role: Role): Promise<ServiceProcess> {
    // Redis or the bucket may be out of reach at the moment.
    for (let time = 0; ; time++) {
      try {
        return await ServiceProcess.start(`s3://${BUCKET}/proof`, this.#settings[role], this.#program);
      } catch (error) {
        if (time === 10) throw error;
        await setTimeout(1000);
      }
    }
  }
}
