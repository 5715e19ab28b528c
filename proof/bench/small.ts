/**
 * Small networks, each asked for once: `npm run bench:small`. Prints the latency of one client, the throughput of eight,
 * and the processors' time that a request costs in each process, which a busy machine changes least.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GHN3_T, writeRandomCheckpoint } from './checkpoint.js';
import { median, RunningService, request } from './service.js';

const CLIENTS = 8;
const WARM_UP = 100;
const REQUESTS = Number(process.env.REQUESTS ?? 600);

/** Clock ticks of /proc/PID/stat in a second. */
const TICKS = 100;

/** Ten convolutions with BatchNorm and ReLU, pooling and a classifier: 34 nodes. `index` makes networks distinct. */
function network(index: number): object {
  const layers: object[] = [];
  let inputs = 3;
  for (let i = 0; i < 10; i++) {
    const outputs = 16 + ((index >> i) & 1) * 8;
    layers.push(
      {
        name: `conv${i}`,
        type: 'Conv2d',
        in_channels: inputs,
        out_channels: outputs,
        kernel_size: 3,
        bias: false,
      },
      { name: `norm${i}`, type: 'BatchNorm2d', num_features: outputs },
      { name: `relu${i}`, type: 'ReLU' },
    );
    inputs = outputs;
  }
  layers.push({ name: 'pool', type: 'AdaptiveAvgPool2d' });
  layers.push({ name: 'fc', type: 'Linear', in_features: inputs, out_features: 10 + (index >> 10) });
  return { name: 'small', layers };
}

/** Seconds of processor time of the service's own process and of those that it started. */
function processorSeconds(pid: number): { readonly own: number; readonly children: number } {
  const of = (id: number | string) => {
    const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  };
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return { own: of(pid), children: children.reduce((sum, child) => sum + of(child), 0) };
}

let next = 0;
async function predict(port: number): Promise<number> {
  const body = JSON.stringify({ architecture: network(next++), format: 'tiled' });
  const answer = await request(port, 'POST', '/predict', body);
  if (answer.status !== 200) throw new Error(`POST /predict answered ${answer.status}`);
  return answer.milliseconds;
}

const directory = await mkdtemp(join(tmpdir(), 'ghn-serve-bench-'));
const checkpoint = join(directory, 'ghn3-t.safetensors');
await writeRandomCheckpoint(checkpoint, GHN3_T);
const service = await RunningService.start({ GHN_CHECKPOINTS: checkpoint, RATE_LIMIT: '0' }, 3905);
try {
  for (let i = 0; i < WARM_UP; i++) await predict(service.port);
  const alone: number[] = [];
  for (let i = 0; i < 100; i++) alone.push(await predict(service.port));
  const before = processorSeconds(service.pid);
  const start = performance.now();
  const last = next + REQUESTS;
  const client = async () => {
    while (next < last) await predict(service.port);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const seconds = (performance.now() - start) / 1000;
  const after = processorSeconds(service.pid);
  const perRequest = (from: number, to: number) => ((1000 * (to - from)) / REQUESTS).toFixed(1);
  console.log(`one client: ${median(alone).toFixed(1)} ms a request (median of ${alone.length})`);
  console.log(`${CLIENTS} clients: ${(REQUESTS / seconds).toFixed(0)} a second`);
  console.log(
    `processor time of a request: service ${perRequest(before.own, after.own)} ms, engine ` +
      `${perRequest(before.children, after.children)} ms`,
  );
} finally {
  await service.stop();
  await rm(directory, { recursive: true, force: true });
}
