import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { smallDisk } from '../store/directory/small-disk.js';
import { Answers, expectWhole, listed } from './answers.js';
import { network, type PredictBody } from './prediction.js';
import { times } from './proof.js';
import { ServiceProcess } from './service-process.js';

const FILLS = times('PROOF_FILLS', 3, 10);

const CLIENTS = 4;

/** Room for a dozen predictions. */
const DISK_MEBIBYTES = 40;

/** Number of predictions that are not stored, each time that the disk is full. */
const LOST = 3;

const TIMEOUT_MS = 120_000 + FILLS * 60_000;

const architecture = network('squeezenet1_1-10');

/** The bytes differ with the seed, and are stored in full, 3 MB, because post-processed weights are not tiled. */
const request = (seed: number): PredictBody => ({ architecture, postprocess: { noise: 0.1, seed } });

let service: ServiceProcess;
afterEach(() => service.kill());

/** Fills a disk. Returns a function that frees the space. */
function fill(path: string): () => Promise<void> {
  let isOver = false;
  const filling = (async () => {
    const file = await open(path, 'w');
    const some = Buffer.alloc(2 ** 18);
    while (!isOver) {
      // An eviction makes room, which is filled as well.
      const { bytesWritten } = await file.write(some).catch(() => ({ bytesWritten: 0 }));
      if (bytesWritten === 0) await file.write(some, 0, 4096).catch(() => setTimeout(1));
    }
    await file.close();
  })();
  return async () => {
    isOver = true;
    await filling;
    await rm(path);
  };
}

it(
  `a disk that is filled and freed ${FILLS} times under load loses only the predictions that could not be stored`,
  async (context) => {
    const { directory } = await smallDisk(context, DISK_MEBIBYTES);
    service = await ServiceProcess.start(join(directory, 'store'));
    const { url } = service;
    const answers = new Answers();
    let seed = 0;
    /** Starts clients that request one prediction after the other. Returns a function that stops them. */
    const load = () => {
      let isOver = false;
      const client = async () => {
        while (!isOver) {
          const number = Math.random() < 1 / 3 ? Math.max(0, seed - Math.floor(Math.random() * 20)) : seed++;
          // A prediction is answered even if it cannot be stored.
          expect((await answers.askAgain(url, request(number)))?.status).toBe(200);
        }
      };
      const clients = Promise.all(Array.from({ length: CLIENTS }, client));
      clients.catch(() => {});
      return async () => {
        isOver = true;
        await clients;
      };
    };

    const lost = async () => {
      const failed = await listed(url, '&status=failed');
      for (const { error } of failed) {
        expect(error).toMatchObject({ status: 507, detail: /could not be stored.*ENOSPC/ });
      }
      return failed.length;
    };
    let wholes = 0;
    for (let time = 0; time < FILLS; time++) {
      const before = await lost();
      const calm = load();
      const free = fill(join(directory, 'ballast'));
      await expect.poll(lost).toBeGreaterThanOrEqual(before + LOST);
      await free();
      // Both a new prediction and one that could not be stored before are stored now.
      const [again] = await listed(url, '&status=failed');
      for (const body of [request(seed++), request(again!.request.postprocess!.seed)]) {
        await expect
          .poll(async () => {
            await answers.askAgain(url, body);
            return (await listed(url)).find(
              ({ request }) => request.postprocess?.seed === body.postprocess?.seed,
            )?.status;
          })
          .toBe('succeeded');
      }
      await calm();
      // A record is answered once its prediction is stored, for which another may be evicted.
      for (const { links } of await listed(url)) await fetch(url + links.self);
      for (const { id } of await listed(url, '&status=succeeded')) {
        answers.expectSame(await expectWhole(`${url}/predictions/${id}`));
        wholes++;
      }
    }
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    await context.annotate(
      `${FILLS} times full: ${answers.count} predictions were answered, whole and the same each time; ${await lost()} could ` +
        `not be stored and say so; ${wholes} times one that was listed was whole`,
    );
  },
  TIMEOUT_MS,
);
