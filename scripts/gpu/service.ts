/**
 * Sends many requests at once to the service at PORT: `node service.js [REQUESTS]`, each with another seed, so that no
 * answer comes from the store. Then sends the same number in one list, and one request with post-processing for each
 * network.
 */
import { setTimeout } from 'node:timers/promises';
import convnextBase from '../../test/fixtures/architectures/convnext_base.json' with { type: 'json' };
import resnet50 from '../../test/fixtures/architectures/resnet50.json' with { type: 'json' };
import vitB16 from '../../test/fixtures/architectures/vit_b_16.json' with { type: 'json' };

const NETWORKS = { resnet50, convnext_base: convnextBase, vit_b_16: vitB16 };
const service = `http://127.0.0.1:${process.env.PORT}`;
const requests = Number(process.argv[2] ?? 32);

async function post(body: object): Promise<{ milliseconds: number; bytes: number; timing: string }> {
  const start = performance.now();
  const response = await fetch(`${service}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.arrayBuffer();
  const failed = Array.isArray(body) && /"status":\s*[45]/.test(Buffer.from(answer).toString());
  if (response.status !== 200 || failed)
    throw new Error(`${response.status}: ${Buffer.from(answer).toString().slice(0, 500)}`);
  const timing = response.headers.get('server-timing') ?? '';
  return { milliseconds: performance.now() - start, bytes: answer.byteLength, timing };
}

/** Prints the service's metrics for the memory of its processes and of the card. */
async function printMemory(when: string): Promise<void> {
  const metrics = await (await fetch(`${service}/metrics`)).text();
  const lines = metrics.split('\n').filter((line) => /memory|engine/.test(line) && !line.startsWith('#'));
  console.log(`${when}:\n${lines.join('\n')}`);
}

const deadline = performance.now() + 60_000;
for (let ready = false; !ready; ) {
  ready = await fetch(`${service}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );
  if (!ready && performance.now() > deadline) throw new Error('the service is not ready after a minute');
  if (!ready) await setTimeout(200);
}
console.log(JSON.stringify(await (await fetch(`${service}/ghns`)).json()));
await printMemory('right after the start');
const graphs = Object.values(NETWORKS);
const start = performance.now();
const answers = await Promise.all(
  Array.from({ length: requests }, (_, k) =>
    post({ architecture: graphs[k % graphs.length], seed: 100 + k, format: 'tiled' }),
  ),
);
const seconds = (performance.now() - start) / 1000;
const times = answers.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
console.log(
  `service | ${requests} requests at once | all answered in ${seconds.toFixed(2)} s | median ` +
    `${times[times.length >> 1].toFixed(0)} ms | slowest ${times[times.length - 1].toFixed(0)} ms | ` +
    `${(answers.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(0)} MB`,
);
const list = Array.from({ length: requests }, (_, k) => ({
  architecture: graphs[k % graphs.length],
  seed: 1000 + k,
  format: 'tiled',
}));
const listed = await post(list);
console.log(`service | a list of ${requests} | answered in ${(listed.milliseconds / 1000).toFixed(2)} s`);
for (const [name, architecture] of Object.entries(NETWORKS)) {
  const postprocess = { noise: 3e-5, orthogonalize: true, seed: 1 };
  await post({ architecture, seed: 7, format: 'tiled' });
  const plain = await post({ architecture, seed: 8, format: 'tiled' });
  const { timing } = await post({ architecture, seed: 9, postprocess });
  console.log(`service | ${name} alone | ${plain.milliseconds.toFixed(0)} ms | ${plain.timing}`);
  console.log(`service | ${name} with post-processing | ${timing}`);
}
await printMemory('after them');
