import type { Exchange } from '../exchange.js';

/** Requests a popular prediction, and sometimes reads its record. */
export async function predictAgain(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id, answer } = await exchange.predict(world.requests.repeated(random));
  if (random.fraction() < 0.3) await exchange.expectRecorded(id, answer.digest);
}

/** Requests a new prediction and reads its record. */
export async function predictNew(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id, answer } = await exchange.predict(world.requests.fresh(random));
  await exchange.expectRecorded(id, answer.digest);
}
