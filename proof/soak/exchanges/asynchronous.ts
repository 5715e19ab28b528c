import { setTimeout } from 'node:timers/promises';
import type { PredictionView } from '../../../src/routes/predictions/view.js';
import { type Exchange, ExcusedError } from '../exchange.js';
import type { PredictRequest } from '../requests.js';

/** Interval at which a client asks for a prediction's status. */
export const POLL_MS = 50;

/** Starts a prediction and does not wait for it. */
export async function begin(exchange: Exchange, { body }: PredictRequest): Promise<PredictionView> {
  const request = { method: 'POST', path: '/predict', body, headers: { prefer: 'respond-async' } };
  const answer = await exchange.send('POST /predict, async', request, 202);
  return JSON.parse(answer.body.toString()) as PredictionView;
}

const someRequest = ({ random, world }: Exchange) =>
  random.fraction() < 0.5 ? world.requests.fresh(random) : world.requests.repeated(random);

/** Polls a prediction until it has ended. */
export async function pollForPrediction(exchange: Exchange): Promise<void> {
  const request = someRequest(exchange);
  let record: PredictionView | null = await begin(exchange, request);
  const { id } = record;
  while (record?.status === 'queued' || record?.status === 'running') {
    await setTimeout(POLL_MS);
    record = await exchange.record(id);
  }
  await fetchWeights(exchange, request, id, record);
}

/** Follows a prediction by its events. */
export async function followPrediction(exchange: Exchange): Promise<void> {
  const request = someRequest(exchange);
  const { id } = await begin(exchange, request);
  const answer = await exchange.fetch('GET events', `/predictions/${id}/events`);
  const last = answer.body
    .toString()
    .split('\n\n')
    .filter((event) => event.startsWith('event: ') && !event.startsWith('event: stage\n'))
    .at(-1);
  exchange.expect(last !== undefined, 'a stream of events without any');
  const told = JSON.parse(last!.slice(last!.indexOf('data: ') + 6)) as PredictionView;
  const isOver = told.status !== 'queued' && told.status !== 'running';
  exchange.expect(isOver, `the events of a prediction ended while it was ${told.status}`);
  await fetchWeights(exchange, request, id, told.status === 'succeeded' ? await exchange.record(id) : told);
}

async function fetchWeights(
  exchange: Exchange,
  request: PredictRequest,
  id: string,
  record: PredictionView | null,
): Promise<void> {
  if (!record) throw new ExcusedError('404: evicted meanwhile');
  // The record gives the reason. A disconnect of another client does not cancel an asynchronous request.
  const lost = record.status === 'failed' && record.error?.status === 503;
  if (lost) throw new ExcusedError(`the record says: ${record.error!.detail}`);
  exchange.expect(record.status === 'succeeded', `a prediction is ${record.status}: ${record.error?.detail}`);
  const answer = await exchange.fetch('GET weights', `/predictions/${id}/weights`);
  await exchange.expectRecorded(id, answer.digest);
  exchange.same(`the weights of ${request.key}`, answer.digest);
  exchange.world.shelf.add({ id, digest: answer.digest, request });
}
