import type { Exchange } from '../exchange.js';

/** Asks for what many ask for, and now and then looks at the record. */
export async function predictAgain(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id, answer } = await exchange.predict(world.requests.repeated(random));
  if (random.fraction() < 0.3) await checkRecord(exchange, id, answer.digest);
}

/** Asks for what nobody has asked for, and looks at the record. */
export async function predictNew(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id, answer } = await exchange.predict(world.requests.fresh(random));
  await checkRecord(exchange, id, answer.digest);
}

async function checkRecord(exchange: Exchange, id: string, digest: string): Promise<void> {
  const record = await exchange.record(id);
  // Where it could not be stored its record says so, and where it was evicted there is none.
  if (record?.status === 'succeeded') exchange.expectRecorded(record, digest);
  else if (record) exchange.expect(record.error?.status === 503, `a prediction is ${record.status}`);
}
