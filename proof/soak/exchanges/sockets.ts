import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Exchange, ExcusedError } from '../exchange.js';

/** Longest time that half a request is left alone; later, the service would end the connection. */
const MAX_WAIT_MS = 2000;

/** Beginnings of a request and of a body that are never completed. */
const HALVES = [
  'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-ty',
  'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"archi',
];

const NO_HTTP = ['\0\x01\x02\x03\r\n\r\n', 'HELLO WORLD\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n'];

/** Sends half a request, waits, and disconnects. */
export async function sendHalf(exchange: Exchange): Promise<void> {
  const { random } = exchange;
  const socket = await connect(exchange);
  socket.write(random.pick(HALVES));
  await setTimeout(random.below(MAX_WAIT_MS));
  socket.destroy();
}

/** Sends bytes that are not HTTP. The service must answer with an error and end the connection. */
export async function sendNoHttp(exchange: Exchange): Promise<void> {
  const socket = await connect(exchange);
  socket.setEncoding('latin1').write(exchange.random.pick(NO_HTTP));
  let answer = '';
  for await (const text of socket) answer += text;
  if (answer === '' && exchange.sawRestart)
    throw new ExcusedError('no answer while the service is restarted');
  exchange.expect(/^HTTP\/1\.1 (4\d\d|505) /.test(answer), `what is no HTTP is answered with ${answer}`);
}

/** Opens a connection to the service. */
export async function connect(exchange: Exchange): Promise<Socket> {
  const { hostname, port } = new URL(exchange.world.client.url);
  const socket = createConnection(Number(port), hostname);
  try {
    await once(socket, 'connect');
  } catch (error) {
    if (!exchange.sawRestart) throw error;
    throw new ExcusedError('no connection while the service is restarted');
  }
  // A reset ends the connection too. The answer before it counts.
  socket.on('error', () => {});
  return socket;
}
