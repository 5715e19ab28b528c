import { expect, it } from 'vitest';
import type { Finding } from '../../proof/cluster/finding.js';
import { prove } from '../../proof/cluster/proof.js';
import { NO_TOXIPROXY } from '../../proof/cluster/toxiproxy.js';
import { AS_BUILT } from '../clients/service-process.js';
import { NO_REDIS } from '../predictions/board/redis-server.js';
import { NO_SERVER } from '../store/s3/server.js';

const MISSING = NO_SERVER ?? NO_REDIS ?? NO_TOXIPROXY;

/** Time limit for each kind of fault on a busy machine. */
const TIME_LIMIT_MS = 600_000;

it.skipIf(MISSING)(
  `several machines lose, duplicate and corrupt nothing under kills, cuts and losses${MISSING ? ` (${MISSING})` : ''}`,
  async () => {
    const findings: Finding[] = [];
    const options = {
      networks: 12,
      workerKills: 2,
      engineKills: 1,
      apiKills: 2,
      cutSeconds: 1,
      redisLosses: 1,
      asked: 2,
      stored: 30,
      // Late answers are not faults here, since other tests run at the same time.
      isTimed: false,
      program: process.env.BUILT ? AS_BUILT : undefined,
    };
    await prove(options, (finding) => {
      findings.push(finding);
      console.log(`${finding.claim}: ${finding.figures}`);
    });
    expect(findings.filter(({ faults }) => faults.length > 0)).toEqual([]);
  },
  TIME_LIMIT_MS,
);
