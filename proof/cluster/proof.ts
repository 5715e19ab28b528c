import { setTimeout } from 'node:timers/promises';
import { boundHolds } from './bound.js';
import { classesKeepApart } from './classes.js';
import { Clients } from './clients.js';
import type { Finding, ProofOptions } from './finding.js';
import { Fleet, LINKS } from './fleet.js';
import { TOXICS } from './toxiproxy.js';

const CLIENTS = 6;

/** Time in which another worker takes over the prediction of a worker that died. */
const TAKEOVER_MS = 15_000;

const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;

/** Tests the promises about several machines, one claim after the other, and reports each finding at once. */
export async function prove(options: ProofOptions, tell: (finding: Finding) => void): Promise<void> {
  const fleet = await Fleet.start({ api: 3, worker: 4 }, {}, options.program);
  let seed = 1;
  /** Tests one claim, with separate clients. */
  const claim = async (name: string, work: (clients: Clients) => Promise<string>) => {
    const clients = new Clients(fleet, seed);
    const began = performance.now();
    const figures = await work(clients).catch((error: unknown) => {
      clients.faults.push(String(error));
      return 'not to its end';
    });
    seed = clients.fresh + 1;
    const { answered, refused, broken } = clients;
    const seen = `${answered} answers, ${refused} refusals with 503, ${broken} broken connections`;
    const took = seconds(performance.now() - began);
    tell({ claim: name, figures: `${figures}; ${seen}; ${took}`, faults: clients.faults });
  };
  /** Runs disturbances such as kills while clients send requests and read the list. */
  const underLoad = async (clients: Clients, work: () => Promise<void>): Promise<string> => {
    const listed = await clients.listing(() => clients.while(work));
    return `${listed} listed predictions looked at, slowest answer ${seconds(clients.slowest)}`;
  };
  const refuseSlow = ({ slowest, faults }: Clients, deaths = 1) => {
    const limit = deaths * TAKEOVER_MS;
    if (!options.isTimed || slowest <= limit) return;
    faults.push(`an answer took ${seconds(slowest)}, more than ${seconds(limit)}`);
  };
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
          await fleet.kill('worker');
        }
        await fleet.whole();
      });
      // The worker that takes over may be killed too, sometimes.
      refuseSlow(clients, 2);
      const late = clients.times.filter((time) => time > TAKEOVER_MS).length;
      return `${told}, ${late} of them longer than ${seconds(TAKEOVER_MS)}`;
    });
    await claim(`${options.engineKills} engines killed`, async (clients) => {
      const told = await underLoad(clients, async () => {
        for (let k = 0; k < options.engineKills; ) {
          await setTimeout(1000 + Math.random() * 1000);
          if (await fleet.killEngine()) k++;
        }
      });
      refuseSlow(clients);
      return told;
    });
    await claim(`${options.apiKills} apis killed`, async (clients) => {
      const told = await underLoad(clients, async () => {
        for (let k = 0; k < options.apiKills; k++) {
          await setTimeout(300 + Math.random() * 700);
          await fleet.kill('api');
        }
        await fleet.whole();
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
  tell(await classesKeepApart(options));
  tell(await boundHolds(options));
}
