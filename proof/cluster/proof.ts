import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Clients } from './clients.js';
import { Fleet, LINKS } from './fleet.js';
import { TOXICS } from './toxiproxy.js';

export interface ProofOptions {
  /** Networks that six clients ask for at three apis. */
  readonly networks: number;
  readonly workerKills: number;
  readonly engineKills: number;
  readonly apiKills: number;
  /** Seconds for which each link has each fault. */
  readonly cutSeconds: number;
  readonly redisLosses: number;
  /** Predictions that are written to a store that holds a fraction of them. */
  readonly stored: number;
  /** Whether a late answer is a fault. */
  readonly isTimed: boolean;
  /** Arguments that start a service; the built service by default. */
  readonly program?: readonly string[];
}

export interface Finding {
  readonly claim: string;
  readonly figures: string;
  readonly faults: readonly string[];
}

const CLIENTS = 6;

/** Within this somebody else has what a worker that died was making. */
const TAKEOVER_MS = 15_000;

const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;

/** Tries what several machines promise, one claim after the other, and tells each finding as it is there. */
export async function prove(options: ProofOptions, tell: (finding: Finding) => void): Promise<void> {
  const fleet = await Fleet.start({ api: 3, worker: 2 }, {}, options.program);
  let seed = 1;
  /** One claim, with clients of its own. */
  const claim = async (name: string, work: (clients: Clients) => Promise<string>) => {
    const clients = new Clients(fleet, seed);
    const figures = await work(clients).catch((error: unknown) => {
      clients.faults.push(String(error));
      return 'not to its end';
    });
    seed = clients.fresh + 1;
    const { answered, refused, broken } = clients;
    const all = `${figures}; ${answered} answers, ${refused} refusals with 503, ${broken} broken connections`;
    tell({ claim: name, figures: all, faults: clients.faults });
  };
  /** Kills and the like under load and the eyes of a lister. */
  const underLoad = async (clients: Clients, work: () => Promise<void>): Promise<string> => {
    const listed = await clients.listing(() => clients.while(work));
    return `slowest answer ${seconds(clients.slowest)}, ${listed} listed predictions looked at`;
  };
  const refuseSlow = ({ slowest, faults }: Clients) => {
    if (!options.isTimed || slowest <= TAKEOVER_MS) return;
    faults.push(`an answer took ${seconds(slowest)}, more than ${seconds(TAKEOVER_MS)}`);
  };
  const some = (length: number) => Math.floor(Math.random() * length);
  try {
    await claim('each network is computed once', async (clients) => {
      const networks = Array.from({ length: options.networks }, () => clients.fresh);
      const before = await fleet.total('ghn_serve_computations_total');
      const client = async () => {
        const order = networks.toSorted(() => Math.random() - 0.5);
        for (const network of order) await clients.ask(network);
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      const made = (await fleet.total('ghn_serve_computations_total')) - before;
      if (made !== networks.length)
        clients.faults.push(`${made} computations of ${networks.length} networks`);
      return `${CLIENTS} clients at 3 apis: ${made} computations of ${networks.length} networks`;
    });
    await claim(`${options.workerKills} workers killed`, async (clients) => {
      const told = await underLoad(clients, async () => {
        for (let k = 0; k < options.workerKills; k++) {
          await setTimeout(300 + Math.random() * 700);
          await fleet.replace('worker', some(fleet.workers.length));
        }
      });
      refuseSlow(clients);
      return told;
    });
    await claim(`${options.engineKills} engines killed`, async (clients) => {
      const told = await underLoad(clients, async () => {
        for (let k = 0; k < options.engineKills; k++) {
          await setTimeout(1000 + Math.random() * 1000);
          await fleet.killEngine(some(fleet.workers.length));
        }
      });
      refuseSlow(clients);
      return told;
    });
    await claim(`${options.apiKills} apis killed`, async (clients) => {
      const told = await underLoad(clients, async () => {
        for (let k = 0; k < options.apiKills; k++) {
          await setTimeout(300 + Math.random() * 700);
          await fleet.replace('api', some(fleet.apis.length));
        }
      });
      refuseSlow(clients);
      return told;
    });
    for (const link of LINKS) {
      await claim(`${link}: ${TOXICS.map(({ type }) => type).join(', ')}`, (clients) =>
        underLoad(clients, async () => {
          for (const toxic of TOXICS) {
            await setTimeout(500);
            const mend = await fleet.links.poison(link, toxic);
            await setTimeout(1000 * options.cutSeconds);
            await mend();
          }
        }),
      );
    }
    await claim(
      `Redis killed ${options.redisLosses} times and emptied ${options.redisLosses} times`,
      (clients) =>
        underLoad(clients, async () => {
          for (let k = 0; k < options.redisLosses; k++) {
            await setTimeout(1000);
            await fleet.redis.kill();
            await setTimeout(500);
            await fleet.redis.start();
            await setTimeout(1000);
            await fleet.redis.flush();
          }
        }),
    );
  } finally {
    await fleet.stop();
  }
  tell(await boundHolds(options));
}

const STORE_MAX_BYTES = 4 * 2 ** 20;

/** Bytes of the objects under a folder. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function boundHolds({ stored, program }: ProofOptions): Promise<Finding> {
  const settings = { STORE_MAX_BYTES: String(STORE_MAX_BYTES) };
  const fleet = await Fleet.start({ api: 1, worker: 2 }, settings, program);
  const clients = new Clients(fleet, 1);
  let most = 0;
  let isOver = false;
  try {
    const watching = (async () => {
      while (!isOver) {
        most = Math.max(most, await bytesIn(join(fleet.s3.folder, 'proof')));
        await setTimeout(50);
      }
    })();
    const client = async () => {
      while (clients.answered < stored) await clients.ask(clients.fresh);
    };
    await Promise.all([client(), client(), client()]);
    isOver = true;
    await watching;
    if (most > STORE_MAX_BYTES) clients.faults.push(`the bucket held ${most} bytes of ${STORE_MAX_BYTES}`);
  } finally {
    isOver = true;
    await fleet.stop();
  }
  const figures = `${clients.answered} predictions: at most ${most} of ${STORE_MAX_BYTES} bytes`;
  return { claim: 'the store never holds more than it may', figures, faults: clients.faults };
}
