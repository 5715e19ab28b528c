import { setTimeout } from 'node:timers/promises';
import { type Exchange, ExcusedError } from '../exchange.js';
import { begin, POLL_MS } from './asynchronous.js';
import { known } from './download.js';

/** About the duration of a prediction. */
const MAX_WAIT_MS = 60;

/** Requests a prediction and disconnects before the answer, or soon after its first bytes. */
export async function hangUpOnPrediction(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { body } = world.requests.fresh(random);
  const bytes = random.fraction() < 0.5 ? 1 : Number.POSITIVE_INFINITY;
  await world.client.hangUp({ method: 'POST', path: '/predict', body }, random.below(MAX_WAIT_MS), bytes);
}

/** Downloads a part and disconnects. */
export async function hangUpOnDownload(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id } = await known(exchange, ({ request }) => request.isLarge || request.format !== 'tiled');
  const request = { method: 'GET', path: `/predictions/${id}/weights` };
  await world.client.hangUp(request, 1000, 1 + random.below(2e6));
}

/** Follows events and disconnects. */
export async function hangUpOnEvents(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id } = await begin(exchange, world.requests.fresh(random));
  const request = { method: 'GET', path: `/predictions/${id}/events` };
  await world.client.hangUp(request, random.below(MAX_WAIT_MS), Number.POSITIVE_INFINITY);
}

/** Deletes a prediction that is queued, running or just stored: it is cancelled or removed. */
export async function deletePrediction(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const request = world.requests.fresh(random);
  const { id } = await begin(exchange, request);
  await setTimeout(random.below(MAX_WAIT_MS));
  const path = `/predictions/${id}`;
  // Another client may wait for it, and gets an answer too.
  const joined =
    random.fraction() < 0.5
      ? exchange.send(
          'POST /predict, deleted meanwhile',
          { method: 'POST', path: '/predict', body: request.body },
          200,
          409,
        )
      : undefined;
  const deleted = await exchange.send('DELETE prediction', { method: 'DELETE', path }, 204, 404);
  const answer = await joined;
  if (answer?.status === 200) exchange.same(`the weights of ${request.key}`, answer.digest);
  if (deleted.status === 404) throw new ExcusedError('404: evicted meanwhile');
  // The other client's request may have arrived after the deletion.
  if (answer) return;
  let record = await exchange.record(id);
  // The engine stops a prediction between two operations.
  while (record?.status === 'queued' || record?.status === 'running') {
    await setTimeout(POLL_MS);
    record = await exchange.record(id);
  }
  const isGone = record === null || record.status === 'cancelled' || record.error?.status === 503;
  exchange.expect(isGone, `a deleted prediction is ${record?.status}`);
}
