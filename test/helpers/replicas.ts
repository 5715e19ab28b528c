import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startRedis } from '../predictions/board/redis-server.js';
import { BUCKET, startS3 } from '../store/s3/server.js';
import type { TestService, TestSettings } from './service.js';

/** One that makes predictions, and two that only ask: an engine for each would be slower and prove no more. */
const ROLES = ['all', 'api', 'api'] as const;

/** The servers that all services of this process share, once somebody needs them. */
let servers: Promise<{ readonly s3: string; readonly redis: string }> | undefined;
let started = 0;

async function startServers() {
  const [s3, redis] = await Promise.all([startS3(), startRedis()]);
  process.once('exit', () => {
    void s3.stop();
    void redis.stop();
  });
  return { s3: s3.endpoint, redis: redis.url };
}

/**
 * Services on one bucket and one Redis, behind an address at which each request goes to another of them than the one before.
 *
 * @param start starts one, its GHNs loaded
 */
export async function startReplicas(
  settings: TestSettings,
  start: (settings: TestSettings) => Promise<TestService>,
): Promise<TestService> {
  servers ??= startServers();
  const { s3, redis } = await servers;
  const name = `replicas-${process.pid}-${++started}`;
  const shared = { STORE: `s3://${BUCKET}/${name}`, S3_ENDPOINT: s3, QUEUE: `${redis}/${started % 16}` };
  const services = await Promise.all(ROLES.map((ROLE) => start({ ...settings, ...shared, ROLE })));
  const ports = services.map(({ url }) => Number(new URL(url).port));
  let turn = 0;
  const proxy = createServer((asked, answer) => forward(asked, answer, ports[turn++ % ports.length]));
  // Whatever the services have to say of a request they say themselves.
  proxy.requestTimeout = 0;
  proxy.listen(0, '127.0.0.1');
  await new Promise((resolve) => proxy.once('listening', resolve));
  return {
    ...services[0],
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async stop() {
      proxy.closeAllConnections();
      proxy.close();
      for (const service of services.reverse()) await service.stop();
    },
  };
}

function forward(asked: IncomingMessage, answer: ServerResponse, port: number): void {
  const { method, url, rawHeaders } = asked;
  const onward = request({ port, method, path: url, headers: rawHeaders, setHost: false, agent: false });
  onward.on('response', (response) => {
    answer.writeHead(response.statusCode!, response.statusMessage, response.rawHeaders);
    response.pipe(answer);
    response.on('aborted', () => answer.destroy());
  });
  onward.on('error', () => answer.destroy());
  answer.on('close', () => onward.destroy());
  asked.pipe(onward);
}
