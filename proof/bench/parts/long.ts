import { GHN3_T } from '../checkpoint.js';
import { RunningService, request } from '../service.js';
import { type Part, type Row, row, time } from '../table.js';
import { checkpointOf } from './checkpoints.js';

const RUNS = 5;
const CHANNELS = 16;

/**
 * Returns a chain of convolutions and BatchNorm with a shortcut around every other pair, with about `size` nodes and no
 * more.
 */
export function longNetwork(size: number): object {
  const nodes: object[] = [{ id: 'in', op: 'input' }];
  const edges: [string, string][] = [];
  let last = 'in';
  let shortcut: string | null = null;
  let inputs = 3;
  for (let block = 0; nodes.length < size - 4; block++) {
    const name = `blocks.${block}`;
    nodes.push(
      {
        id: `${name}.conv`,
        op: 'conv',
        weight: { name: `${name}.conv.weight`, shape: [CHANNELS, inputs, 3, 3] },
      },
      {
        id: `${name}.norm`,
        op: 'bn',
        weight: { name: `${name}.norm.weight`, shape: [CHANNELS] },
        bias: { name: `${name}.norm.bias`, shape: [CHANNELS] },
      },
    );
    edges.push([last, `${name}.conv`], [`${name}.conv`, `${name}.norm`]);
    last = `${name}.norm`;
    inputs = CHANNELS;
    if (block % 2 === 0) {
      shortcut ??= last;
      continue;
    }
    nodes.push({ id: `${name}.sum`, op: 'sum' });
    edges.push([last, `${name}.sum`], [shortcut!, `${name}.sum`]);
    last = `${name}.sum`;
    shortcut = last;
  }
  nodes.push(
    { id: 'pool', op: 'glob_avg' },
    { id: 'fc', op: 'conv', weight: { name: 'fc.weight', shape: [10, CHANNELS] } },
  );
  edges.push([last, 'pool'], ['pool', 'fc']);
  return { name: 'long', nodes, edges };
}

/** Whole requests for networks with thousands of nodes, for which attention takes a significant part. */
export const long: Part = async ({ directory }) => {
  const service = await RunningService.start({ GHN_CHECKPOINTS: await checkpointOf(directory, GHN3_T) });
  const rows: Row[] = [];
  let seed = 1;
  try {
    for (const size of [1000, 3000, 4800]) {
      const architecture = longNetwork(size);
      const seconds: number[] = [];
      for (let run = -1; run < RUNS; run++) {
        const body = JSON.stringify({ architecture, format: 'tiled', seed: seed++ });
        const answer = await request(service.port, 'POST', '/predict', body);
        if (answer.status !== 200) throw new Error(`POST /predict answered ${answer.status}`);
        if (run >= 0) seconds.push(answer.milliseconds / 1000);
      }
      rows.push(row(`GHN-3-T, a network of ${size} nodes, \`tiled\``, time(seconds)));
    }
  } finally {
    await service.stop();
  }
  return rows;
};
