import type { Exchange } from '../exchange.js';

/** Asks for what many ask for, and now and then looks at the record. */
export async function predictAgain(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id, answer } = await exchange.predict(world.requests.repeated(random));
  if (random.fraction() < 0.3) await exchange.expectRecorded(id, answer.digest);
}

/** Asks for what nobody has asked for, and looks at the record. */
export async function predictNew(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id, answer } = await exchange.predict(world.requests.fresh(random));
  await exchange.expectRecorded(id, answer.digest);
}
