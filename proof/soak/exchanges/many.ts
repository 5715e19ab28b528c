import { createHash } from 'node:crypto';
import type { PredictionResult } from '../../../clients/typescript/src/index.js';
import { REPLACED_GHN } from '../checkpoint.js';
import type { Exchange } from '../exchange.js';

const MAX_MANY = 6;

/** Makes the body too large to be parsed in the main process. */
const SPACES = ' '.repeat(300_000);

/** Requests several predictions at once. Each must have the same id as when it is requested alone. */
export async function predictMany(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const requests = Array.from({ length: 1 + random.below(MAX_MANY) }, () =>
    random.fraction() < 0.3 ? world.requests.fresh(random) : world.requests.repeated(random),
  );
  const body = `[${[...requests.map((request) => request.body), '{"architecture": 7}'].join(',')}]`;
  const answer = await exchange.send(
    'POST /predict, a list',
    { method: 'POST', path: '/predict', body },
    200,
  );
  const { results } = JSON.parse(answer.body.toString()) as { results: PredictionResult[] };
  exchange.expect(results.length === requests.length + 1, 'a list has another number of results');
  exchange.expect(results.at(-1)?.status === 422, 'a faulty entry of a list is not refused');
  for (const [index, { key }] of requests.entries()) {
    const result = results[index];
    if ('prediction' in result) exchange.same(`the id of ${key}`, result.prediction.id);
    // Overloaded, lost with the engine, or deleted by another client.
    else exchange.expect([404, 409, 429, 503].includes(result.status), `an entry: ${result.problem.detail}`);
  }
}

/** Sends a body that is parsed in a separate process. The prediction must be the same as with a small body. */
export async function predictLargeBody(exchange: Exchange): Promise<void> {
  const request = exchange.world.requests.repeated(exchange.random);
  await exchange.predict({ ...request, body: request.body + SPACES });
}

/** Requests the GHN whose checkpoint is replaced. The weights must be those of the GHN in the record. */
export async function predictReplaced(exchange: Exchange): Promise<void> {
  const seed = exchange.random.below(8);
  const body = JSON.stringify({
    architecture: {
      name: 'one',
      layers: [{ name: 'fc', type: 'Linear', in_features: 16, out_features: 10 }],
    },
    ghn: REPLACED_GHN,
    postprocess: { noise: 0.01, seed },
  });
  const answer = await exchange.send(
    'POST /predict, a replaced GHN',
    { method: 'POST', path: '/predict', body },
    200,
  );
  const headerBytes = Number(answer.body.readBigUInt64LE());
  const { __metadata__: metadata } = JSON.parse(answer.body.toString('utf8', 8, 8 + headerBytes)) as {
    __metadata__: { ghn_digest: string; prediction: string };
  };
  const record = await exchange.record(metadata.prediction);
  if (record) exchange.expect(record.ghn.digest === metadata.ghn_digest, 'a record names another GHN');
  const weights = createHash('sha256')
    .update(answer.body.subarray(8 + headerBytes))
    .digest('hex');
  exchange.same(`weights ${seed} of ${metadata.ghn_digest}`, weights);
}
