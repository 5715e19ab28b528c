/**
 * Measures the service under more requests than it can compute: `npm run bench:load -- --seconds 30`. Requests arrive
 * at random times, each for another prediction, without waiting for earlier answers. Latency counts from the time at
 * which a request was due. First it finds the capacity, which is the largest rate of answers with 200, then offers 0.3,
 * 1 and 2 times that rate, and ends with a verdict and its exit code. `--network` is a graph in
 * test/fixtures/architectures. GHN_CHECKPOINTS names the GHN; by default it is the package's. Other work on the machine
 * affects the figures.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { LivezProbe } from './load/livez.js';
import { openLoop } from './load/open-loop.js';
import { type Summary, summarise, table } from './load/summary.js';
import { RunningService, request } from './service.js';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    'step-seconds': { type: 'string', default: '10' },
    network: { type: 'string', default: 'squeezenet1_1-10' },
  },
});
const SECONDS = Number(options.seconds);
const STEP_SECONDS = Number(options['step-seconds']);

/**
 * Settings of an operator who prefers refusals to waiting: two predictions may wait while one is computed. By default
 * 64 may, and each waits for all before it.
 */
const SETTINGS = { MAX_QUEUE: '2', STORE_MAX_BYTES: String(2 * 2 ** 30), LOG_LEVEL: 'silent' };

/** Rates relative to that of sequential requests. The last ones exceed any capacity. */
const STEPS = [0.8, 1, 1.2, 1.5, 2, 3];

/** Number of sequential requests that measure roughly what the machine can do, after the same number to warm up. */
const FIRST_REQUESTS = 30;

/** Bounds that must hold at twice the capacity. */
const MIN_GOODPUT = 0.9;
const MAX_P99_RATIO = 3;
const MAX_LIVEZ_MS = 50;

const architecture = readFileSync(
  new URL(`../../test/fixtures/architectures/${options.network}.json`, import.meta.url),
  'utf8',
);
let seed = 1;
// Every seed is a separate prediction, so no answer comes from the store.
const nextBody = () => `{"architecture": ${architecture}, "seed": ${seed++}}`;

const service = await RunningService.start(SETTINGS, 3911);
const { port } = service;
const probe = new LivezProbe(port);

async function run(name: string, rate: number, seconds: number): Promise<Summary> {
  await probe.take();
  const outcomes = await openLoop({ port, rate, seconds, nextBody });
  return summarise(name, outcomes, seconds, await probe.take());
}

async function oneAfterTheOther(): Promise<number> {
  const start = performance.now();
  for (let k = 0; k < FIRST_REQUESTS; k++) {
    const { status } = await request(port, 'POST', '/predict', nextBody());
    if (status !== 200) throw new Error(`the first requests are answered with ${status}`);
  }
  return FIRST_REQUESTS / ((performance.now() - start) / 1000);
}

console.log(`${options.network}; the service is started with ${JSON.stringify(SETTINGS)}`);
console.log(`${availableParallelism()} cores, load average before ${loadavg()[0].toFixed(1)}`);
await oneAfterTheOther();
const sequential = await oneAfterTheOther();
const steps: Summary[] = [];
for (const factor of STEPS) {
  steps.push(await run(`${(factor * sequential).toFixed(1)}/s`, factor * sequential, STEP_SECONDS));
}
const capacity = Math.max(...steps.map(({ goodput }) => goodput));
console.log(`\nLooking for the capacity (one after the other: ${sequential.toFixed(1)}/s)\n${table(steps)}`);
console.log(`capacity: ${capacity.toFixed(1)} predictions a second\n`);

const unloaded = await run('0.3 × capacity', 0.3 * capacity, SECONDS);
const full = await run('1 × capacity', capacity, SECONDS);
const double = await run('2 × capacity', 2 * capacity, SECONDS);
console.log(table([unloaded, full, double]));
await probe.stop();
await service.stop();

const runs = [...steps, unloaded, full, double];
const most = Math.max(...runs.map(({ goodput }) => goodput));
const faults = runs.reduce((sum, { faults, livezFailures }) => sum + faults + livezFailures, 0);
const checks: readonly (readonly [what: string, holds: boolean])[] = [
  [
    `at 2 × ${(100 * (double.goodput / most)).toFixed(0)} % of the most answers a second that were seen; ${100 * MIN_GOODPUT} % expected`,
    double.goodput >= MIN_GOODPUT * most,
  ],
  [
    `at 2 × the admitted ones' p99 is ${(double.p99 / unloaded.p99).toFixed(2)} times the unloaded one; less than ${MAX_P99_RATIO} expected`,
    double.p99 < MAX_P99_RATIO * unloaded.p99,
  ],
  [
    `at 2 × /livez has a p99 of ${double.livezP99.toFixed(1)} ms; less than ${MAX_LIVEZ_MS} expected`,
    double.livezP99 < MAX_LIVEZ_MS,
  ],
  [`${faults} answers other than 200, and 429 and 503 with retry-after; none expected`, faults === 0],
];
console.log();
for (const [what, holds] of checks) console.log(`${holds ? 'holds' : 'FAILS'}: ${what}`);
process.exitCode = checks.every(([, holds]) => holds) ? 0 : 1;
