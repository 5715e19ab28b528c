import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startRedis } from '../predictions/board/redis-server.js';
import { BUCKET, startS3 } from '../store/s3/server.js';
import type { TestService, TestSettings } from './service.js';

/** One service makes predictions and two only pass them on: an engine for each would be slower and test no more. */
const ROLES = ['all', 'api', 'api'] as const;

interface Servers {
  readonly s3: string;
  readonly redis: string;
  stop(): Promise<void>;
}

/** Servers that all services in this process share, from the start of the first service until the last has stopped. */
let servers: Promise<Servers> | undefined;
let users = 0;
let started = 0;

async function startServers(): Promise<Servers> {
  const [s3, redis] = await Promise.all([startS3(), startRedis()]);
  return {
    s3: s3.endpoint,
    redis: redis.url,
    async stop() {
      await Promise.all([s3.stop(), redis.stop()]);
    },
  };
}

/**
 * Starts services that share a bucket and Redis, behind an address that sends each request to the next service in turn.
 *
 * @param start starts one service and waits until its GHNs are loaded
 */
export async function startReplicas(
  settings: TestSettings,
  start: (settings: TestSettings) => Promise<TestService>,
): Promise<TestService> {
  users++;
  servers ??= startServers();
  const { s3, redis } = await servers;
  const name = `replicas-${process.pid}-${++started}`;
  return startOn(
    { STORE: `s3://${BUCKET}/${name}`, S3_ENDPOINT: s3, QUEUE: `${redis}/${started % 16}` },
    settings,
    start,
  );
}

async function startOn(
  shared: TestSettings,
  settings: TestSettings,
  start: (settings: TestSettings) => Promise<TestService>,
): Promise<TestService> {
  const services = await Promise.all(ROLES.map((ROLE) => start({ ...settings, ...shared, ROLE })));
  const ports = services.map(({ url }) => Number(new URL(url).port));
  let turn = 0;
  const proxy = createServer((asked, answer) => forward(asked, answer, ports[turn++ % ports.length]));
  // The services have their own time limits for requests.
  proxy.requestTimeout = 0;
  proxy.listen(0, '127.0.0.1');
  await new Promise((resolve) => proxy.once('listening', resolve));
  const stopAll = async () => {
    proxy.closeAllConnections();
    proxy.close();
    for (const service of services.toReversed()) await service.stop();
  };
  return {
    ...services[0],
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async total(metric, labels) {
      const each = await Promise.all(services.map((service) => service.total(metric, labels)));
      return each.reduce((sum, value) => sum + value, 0);
    },
    async restart() {
      await stopAll();
      return startOn(shared, settings, start);
    },
    async stop() {
      await stopAll();
      if (--users > 0) return;
      const stopping = servers;
      servers = undefined;
      await (await stopping)!.stop();
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
