import { parseArgs } from 'node:util';
import { AS_BUILT } from '../../test/clients/service-process.js';
import { NO_REDIS } from '../../test/predictions/board/redis-server.js';
import { NO_SERVER } from '../../test/store/s3/server.js';
import { prove } from './proof.js';
import { NO_TOXIPROXY } from './toxiproxy.js';

const USAGE = `Usage: npm run proof:cluster -- [--scale NUMBER]

Runs three apis, four workers, an S3 server, Redis with persistence, and links that can be cut. It kills, cuts and
empties them under load, while a client reads the list repeatedly. Exits with 0 if nothing was lost, duplicated, corrupt
or late.

  --scale NUMBER   1 is everything: 500 networks, and 100 workers, 50 engines and 50 apis killed; 0.1 is a tenth (1)`;

const { values } = parseArgs({
  options: { scale: { type: 'string', default: '1' }, help: { type: 'boolean', default: false } },
});
if (values.help) {
  console.log(USAGE);
} else {
  const missing = NO_SERVER ?? NO_REDIS ?? NO_TOXIPROXY;
  if (missing) throw new Error(missing);
  const scale = Number(values.scale);
  const times = (all: number) => Math.max(1, Math.round(all * scale));
  let failed = 0;
  await prove(
    {
      networks: times(500),
      workerKills: times(100),
      engineKills: times(50),
      apiKills: times(50),
      cutSeconds: Math.max(1, Math.min(5, 10 * scale)),
      redisLosses: times(10),
      asked: Math.max(2, times(20)),
      stored: times(2000),
      isTimed: true,
      program: AS_BUILT,
    },
    ({ claim, figures, faults }) => {
      console.log(`${faults.length === 0 ? 'holds' : 'FAILS'}  ${claim}\n       ${figures}`);
      for (const fault of faults.slice(0, 10)) console.log(`       ${fault}`);
      failed += Number(faults.length > 0);
    },
  );
  process.exitCode = Number(failed > 0);
}
