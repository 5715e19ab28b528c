import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Checkpoint, REPLACED_GHN } from './checkpoint.js';
import { Exchange, type World } from './exchange.js';
import { listAll } from './exchanges/browse.js';
import { predictLargeBody } from './exchanges/many.js';
import { readStatistics } from './exchanges/parts.js';
import { MAX_BODY_BYTES } from './exchanges/refused.js';
import { HttpClient } from './http-client.js';
import { Ledger } from './ledger.js';
import type { SoakOptions } from './options.js';
import type { Role, Sample } from './processes.js';
import { Random } from './random.js';
import { Requests } from './requests.js';
import { scheduleOf } from './schedule.js';
import { Shelf } from './shelf.js';
import { Subject } from './subject.js';
import { serve, Traffic } from './traffic.js';

const SAMPLE_MS = 1000;
const POLL_MS = 100;
const PROGRESS_MS = 60_000;

const WEIGHTS = fileURLToPath(new URL('../../weights/', import.meta.url));

/** A module that makes the service's clock adjustable. */
const CLOCK = new URL('clock.mjs', import.meta.url).href;

/** Time without clients and without changes in the number of open files after which the service counts as idle. */
const IDLE_MS = 2000;
const MAX_IDLE_MS = 60_000;

/** The observations, for the verdict. */
export interface Soaked {
  readonly ledger: Ledger;
  readonly samples: readonly Sample[];
  /** Number of open files of the idle service, after the warm-up and at the end of the same life. */
  readonly idleFiles: readonly [ReadonlyMap<Role, number>, ReadonlyMap<Role, number>];
  /** The part of the first life in which memory is judged, in seconds from the start. */
  readonly judged: { readonly from: number; readonly firstKill: number; readonly to: number };
  readonly subject: Subject;
  /** Number of predictions that clients received, and of those still stored at the end. */
  readonly predictions: { readonly made: number; readonly stored: number };
}

/** Runs clients against a service for the given time. */
export async function soak(options: SoakOptions, print: (line: string) => void): Promise<Soaked> {
  const folder = await mkdtemp(join(tmpdir(), 'ghn-serve-soak-'));
  const checkpoint = await Checkpoint.write(folder);
  const ghns = process.env.GHN_CHECKPOINTS || packagedGhns();
  const settings = {
    GHN_CHECKPOINTS: `${ghns},${REPLACED_GHN}=${checkpoint.path}`,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${CLOCK}`,
    STORE_MAX_BYTES: String(options['store-mb'] * 1e6),
    MAX_BODY_BYTES: String(MAX_BODY_BYTES),
  };
  try {
    const subject = await Subject.start(join(folder, 'store'), settings, options['from-sources']);
    try {
      return await use(subject, checkpoint, options, print);
    } finally {
      await subject.kill();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the GHNs in the package as a setting. */
const packagedGhns = () =>
  readdirSync(WEIGHTS)
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .map((name) => join(WEIGHTS, name))
    .join(',');

async function use(
  subject: Subject,
  checkpoint: Checkpoint,
  options: SoakOptions,
  print: (line: string) => void,
): Promise<Soaked> {
  const ledger = new Ledger();
  const world: World = {
    client: new HttpClient(subject.url),
    ledger,
    shelf: new Shelf(),
    requests: new Requests(options.seed),
    disturbance: subject,
  };
  const samples: Sample[] = [];
  const sampling = setInterval(() => samples.push(...subject.sample(ledger.seconds)), SAMPLE_MS);
  const telling = setInterval(() => print(progress(ledger, subject)), PROGRESS_MS);
  const traffic = new Traffic(world, options);
  const schedule = scheduleOf(options.minutes);
  const until = async (seconds: number) => {
    while (ledger.seconds < seconds) {
      if (!subject.alive) throw new Error('the service has ended by itself');
      await setTimeout(POLL_MS);
    }
  };
  try {
    // The first request for statistics starts their process, whose open files count too.
    await serve(world, 'statistics', new Random(options.seed, 'statistics'), readStatistics);
    traffic.start();
    await until(schedule.warm);
    await traffic.drain();
    const before = await idleFiles(world, subject);
    const from = ledger.seconds;
    traffic.start();
    for (const jump of schedule.clockJumps) {
      await until(jump);
      subject.setClock();
    }
    let firstKill = 0;
    for (const kill of schedule.kills) {
      await until(kill);
      firstKill ||= ledger.seconds;
      // The next engine finds another GHN in the file.
      await checkpoint.replace();
      await subject.killEngine();
    }
    await until(schedule.restart);
    const to = ledger.seconds;
    await traffic.drain();
    const after = await idleFiles(world, subject);
    traffic.start();
    await until(ledger.seconds + 1);
    await subject.restart();
    await verifyStore(world, 'after a restart');
    await until(schedule.lastKill);
    await subject.killEngine();
    await until(schedule.end);
    await traffic.drain();
    const stored = await verifyStore(world, 'at the end');
    world.client.close();
    await subject.stop();
    return {
      ledger,
      samples,
      idleFiles: [before, after],
      judged: { from, firstKill, to },
      subject,
      predictions: { made: world.shelf.size, stored },
    };
  } finally {
    clearInterval(sampling);
    clearInterval(telling);
    traffic.stop();
  }
}

/**
 * Downloads all listed predictions and compares them with their records and with what clients received. Returns their
 * number.
 */
async function verifyStore(world: World, when: string): Promise<number> {
  const kind = `store, ${when}`;
  const random = new Random(0, kind);
  let count = 0;
  for (const { id } of await listAll(new Exchange(kind, random, world))) {
    await serve(world, kind, random, async (exchange) => {
      const { digest } = await exchange.fetch('GET weights', `/predictions/${id}/weights`);
      await exchange.expectRecorded(id, digest);
      exchange.expect((world.shelf.digest(id) ?? digest) === digest, 'not what a client once got');
      count++;
    });
  }
  return count;
}

/** Returns the number of open files of each process when the service is idle. */
async function idleFiles(world: World, subject: Subject): Promise<ReadonlyMap<Role, number>> {
  // The process that reads large bodies is not permanent. This request ensures that it runs.
  await serve(world, 'predict, large body', new Random(0, 'idle'), predictLargeBody);
  const count = () => new Map(subject.sample(0).map(({ role, files }) => [role, files]));
  const start = performance.now();
  let files = count();
  for (let quiet = 0; quiet < IDLE_MS && performance.now() - start < MAX_IDLE_MS; quiet += POLL_MS) {
    await setTimeout(POLL_MS);
    const now = count();
    if ([...now].some(([role, open]) => files.get(role) !== open)) quiet = 0;
    files = now;
  }
  return files;
}

function progress(ledger: Ledger, subject: Subject): string {
  const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);
  const processes = subject
    .sample(0)
    .map(
      ({ role, residentBytes, files }) => `${role} ${(residentBytes / 1e6).toFixed(0)} MB, ${files} files`,
    );
  return (
    `${(ledger.seconds / 60).toFixed(0).padStart(4)} min: ${sum(ledger.done.values())} done, ` +
    `${sum([...ledger.unexpected.values()].map(({ count }) => count))} unexpected; ${processes.join('; ')}`
  );
}
