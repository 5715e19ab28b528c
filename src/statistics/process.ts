import { constants, setPriority } from 'node:os';
import { selectProducts } from '../engine/select.js';
import { connectToService } from '../process/parent.js';
import type { GramProducts } from './gram.js';
import { Moments } from './moments.js';
import type { FromStatisticsProcess, ToStatisticsProcess } from './protocol.js';
import { tensorStatistics } from './tensor-statistics.js';

// Entry point of the process that computes statistics, one tensor after the other, with the processor time that the
// predictor leaves.

setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const networks = new Map<number, Moments>();
let products: GramProducts | null = null;
let turn = Promise.resolve();

const channel = connectToService<ToStatisticsProcess, FromStatisticsProcess>((message, arrays) => {
  turn = turn.then(() => handle(message, arrays));
});

async function handle(message: ToStatisticsProcess, [block]: Float32Array[]): Promise<void> {
  const { network } = message;
  const moments = networks.get(network) ?? new Moments();
  if (message.type === 'end') {
    networks.delete(network);
    await channel.send({ type: 'network', network, statistics: moments.statistics() });
    return;
  }
  networks.set(network, moments);
  try {
    products ??= await selectProducts();
    const { name, shape, blockShape } = message;
    const statistics = await tensorStatistics({ name, shape, blockShape, block }, products, moments);
    await channel.send({ type: 'tensor', network, statistics });
  } catch (error) {
    await channel.send({
      type: 'failed',
      network,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
