import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { type Exchange, ExcusedError } from '../exchange.js';
import { begin } from './asynchronous.js';
import { known } from './download.js';
import { connect } from './sockets.js';

const MAX_PIPELINED = 30;
const MAX_WAIT_MS = 3000;

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`;

/** Sends many requests without waiting for answers. All must be answered in order. */
export async function pipeline(exchange: Exchange): Promise<void> {
  const { random } = exchange;
  const { id } = await known(exchange, ({ request }) => !request.isLarge);
  const socket = await connect(exchange);
  const count = 1 + random.below(MAX_PIPELINED);
  const paths = Array.from({ length: count }, () =>
    random.pick(['/livez', '/ghns', '/predictions?limit=3', `/predictions/${id}`]),
  );
  const last = get('/livez', 'connection: close\r\n');
  socket.setEncoding('latin1').write(paths.map((path) => get(path)).join('') + last);
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  await once(socket, 'close');
  if (exchange.sawRestart) throw new ExcusedError('cut off while the service is restarted');
  const statuses = text.match(/HTTP\/1\.1 \d{3}/g) ?? [];
  exchange.expect(statuses.length === count + 1, `${count + 1} requests, ${statuses.length} answers`);
}

/** Requests weights and events, reads nothing, and disconnects after a while. */
export async function readNothing(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  const { id } = await known(exchange);
  const { id: fresh } = await begin(exchange, world.requests.fresh(random));
  const sockets = await Promise.all(
    [`/predictions/${id}/weights`, `/predictions/${fresh}/events`, '/openapi.json'].map(async (path) => {
      const socket = await connect(exchange);
      socket.pause();
      socket.write(get(path).repeat(3));
      return socket;
    }),
  );
  await setTimeout(random.below(MAX_WAIT_MS));
  for (const socket of sockets) socket.destroy();
}
