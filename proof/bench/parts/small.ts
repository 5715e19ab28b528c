import { readFileSync } from 'node:fs';
import { GHN3_T } from '../checkpoint.js';
import { median, RunningService, request } from '../service.js';
import { type Part, row, time } from '../table.js';
import { checkpointOf } from './checkpoints.js';

const CLIENTS = 8;
const WARM_UP = 200;
const ALONE = 100;
const REQUESTS = 1000;

/** Length of the longest list that the service accepts. */
const LISTED = 256;
const LISTS = 4;

/** Clock ticks per second in /proc/PID/stat. */
const TICKS = 100;

/** Ten convolutions with BatchNorm and ReLU, pooling and a classifier. `index` makes networks distinct. */
export function smallNetwork(index: number): object {
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

/** Returns the processor time, in seconds, of a process and of those that it started. */
function processorSeconds(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const own = (Number(fields[11]) + Number(fields[12])) / TICKS;
  return children.reduce((sum, child) => sum + processorSeconds(Number(child)), own);
}

/** Small networks, each requested once: the latency of one client, and the throughput of eight clients and of lists. */
export const small: Part = async ({ directory }) => {
  const checkpoint = await checkpointOf(directory, GHN3_T);
  const service = await RunningService.start({ GHN_CHECKPOINTS: checkpoint, RATE_LIMIT: '0' });
  let next = 0;
  const predict = async () => {
    const body = JSON.stringify({ architecture: smallNetwork(next++), format: 'tiled' });
    const answer = await request(service.port, 'POST', '/predict', body);
    if (answer.status !== 200) throw new Error(`POST /predict answered ${answer.status}`);
    return answer.milliseconds / 1000;
  };
  try {
    for (let i = 0; i < WARM_UP; i++) await predict();
    const alone: number[] = [];
    for (let i = 0; i < ALONE; i++) alone.push(await predict());
    const before = processorSeconds(service.pid);
    const start = performance.now();
    const last = next + REQUESTS;
    const client = async () => {
      while (next < last) await predict();
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const seconds = (performance.now() - start) / 1000;
    const used = (1000 * (processorSeconds(service.pid) - before)) / REQUESTS;
    const rates: number[] = [];
    for (let list = 0; list < LISTS; list++) {
      const requests = Array.from({ length: LISTED }, () => ({
        architecture: smallNetwork(next++),
        format: 'tiled',
      }));
      const answer = await request(service.port, 'POST', '/predict', JSON.stringify(requests), {
        accept: 'multipart/mixed',
      });
      if (answer.status !== 200) throw new Error(`POST /predict answered ${answer.status}`);
      rates.push((1000 * LISTED) / answer.milliseconds);
    }
    return [
      row('GHN-3-T, a small network, one client', time(alone)),
      row(`GHN-3-T, small networks, ${CLIENTS} clients`, `${(REQUESTS / seconds).toFixed(0)} a second`),
      row(
        `GHN-3-T, lists of ${LISTED} small networks, weights as multipart`,
        `${median(rates).toFixed(0)} a second`,
      ),
      row('processor time of a request of eight clients', `${used.toFixed(1)} ms`),
    ];
  } finally {
    await service.stop();
  }
};
