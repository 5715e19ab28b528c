import { tinyGraph } from '../../test/architecture/fixtures.js';
import { Clients, sha256 } from './clients.js';
import type { Finding, ProofOptions } from './finding.js';
import { Fleet } from './fleet.js';

const NETWORKS = 20;

/**
 * Workers of another engine join, become the majority, and leave, while the same networks are requested all the time.
 * Each prediction must come from one engine and have one body, whichever api answers and however it is read.
 */
export async function classesKeepApart({ asked, program }: ProofOptions): Promise<Finding> {
  const fleet = await Fleet.start({ api: 2, worker: 1 }, { ENGINE: 'onnxruntime' }, program);
  const began = performance.now();
  const clients = new Clients(fleet, 1);
  const { faults } = clients;
  const bodies = new Map<string, string>();
  const engines = new Map<string, string>();
  const seen = (map: Map<string, string>, key: string, value: string) => {
    const before = map.get(key) ?? value;
    if (before !== value) faults.push(`${key} has ${before} and ${value}`);
    map.set(key, value);
  };
  const ask = async (seed: number) => {
    const answer = await clients.fetch('/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ architecture: tinyGraph(), seed }),
    });
    if (!answer?.response.ok) return;
    clients.answered++;
    const { headers } = answer.response;
    const path = new URL(headers.get('location')!, clients.url).pathname;
    const digest = sha256(answer.body);
    seen(bodies, headers.get('etag')!, digest);
    const record = await clients.fetch(path);
    if (record?.response.ok) {
      const { engine } = JSON.parse(record.body.toString()) as { engine: string };
      seen(engines, path, engine);
    }
    const half = Math.floor(answer.body.length / 2);
    const halves = await Promise.all(
      [`bytes=0-${half - 1}`, `bytes=${half}-`].map((range) =>
        clients.fetch(`${path}/weights`, { headers: { range, 'if-range': headers.get('etag')! } }),
      ),
    );
    if (halves.some((part) => part?.response.status !== 206)) return;
    const whole = Buffer.concat(halves.map((part) => part!.body));
    if (sha256(whole) !== digest) faults.push(`the halves of ${path} are not its whole`);
  };
  const askAll = async () => {
    for (let time = 0; time < asked; time++) {
      await Promise.all(Array.from({ length: NETWORKS }, (_, seed) => ask(seed)));
    }
  };
  const until = async (engine: string) => {
    while (![...engines.values()].includes(engine) && performance.now() - began < LOST_MS) await askAll();
  };
  try {
    await askAll();
    const others = await Promise.all([1, 2].map(() => fleet.add('worker', { ENGINE: 'wasm' })));
    await until('wasm');
    await askAll();
    await Promise.all(others.map((worker) => worker.kill()));
    await askAll();
  } finally {
    await fleet.stop();
  }
  const of = (engine: string) => [...engines.values()].filter((name) => name === engine).length;
  const [one, other] = ['onnxruntime', 'wasm'].map(of);
  if (one === 0 || other === 0) faults.push('not both engines have made some');
  const figures =
    `${one} predictions of one and ${other} of the other engine, ${bodies.size} bodies; ${clients.answered} answers, ` +
    `${clients.refused} refusals with 503; ${((performance.now() - began) / 1000).toFixed(1)} s`;
  return { claim: 'workers of two engines: no prediction has bits of both', figures, faults };
}

/** Time limit until the other workers are known. */
const LOST_MS = 120_000;
