import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyGraph } from '../architecture/fixtures.js';
import { ServiceProcess } from '../clients/service-process.js';
import { NO_REDIS, type RedisServer, startRedis } from '../predictions/board/redis-server.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from '../store/s3/server.js';
import { type ReceivedSpan, type Receiver, startReceiver } from './receiver.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;

let receiver: Receiver;
let folder: string;
let services: ServiceProcess[];
beforeEach(async () => {
  receiver = await startReceiver();
  folder = await mkdtemp(join(tmpdir(), 'ghn-tracing-'));
  services = [];
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await receiver.stop();
  await rm(folder, { recursive: true, force: true });
});

const traced = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
  OTEL_BSP_SCHEDULE_DELAY: '100',
  THREADS: '1',
});

async function start(store: string, settings: Record<string, string>): Promise<ServiceProcess> {
  const service = await ServiceProcess.start(store, settings);
  services.push(service);
  return service;
}

const predict = ({ url }: ServiceProcess, headers: Record<string, string> = {}, body: object = {}) =>
  fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ architecture: tinyGraph(), ...body }),
  });

/** Returns the spans of the trace by name, once the last of them has arrived. */
async function spansOf(trace: string): Promise<Map<string, ReceivedSpan>> {
  const all = () => receiver.spans.filter(({ traceId }) => traceId === trace);
  const names = () => all().map(({ name }) => name);
  await expect
    .poll(names, { timeout: 10_000 })
    .toEqual(expect.arrayContaining(['POST /predict', 'store', 'predict']));
  return new Map(all().map((span) => [span.name, span]));
}

const STAGES = ['graph', 'encode', 'decode'];

/** Checks that one trace leads from the request to the store, with each span inside its parent. */
function expectWhole(spans: Map<string, ReceivedSpan>): void {
  const parentOf = (name: string) => {
    const { parentSpanId } = spans.get(name)!;
    return [...spans.values()].find(({ spanId }) => spanId === parentSpanId)?.name;
  };
  expect(spans.get('POST /predict')!.parentSpanId).toBe('b7ad6b7169203331');
  for (const name of ['store lookup', 'await prediction']) expect(parentOf(name)).toBe('POST /predict');
  for (const name of ['queue', 'predict']) expect(parentOf(name)).toBe('await prediction');
  for (const name of [...STAGES, 'store']) expect(parentOf(name)).toBe('predict');
  const begun = [...STAGES, 'store'].map((name) => BigInt(spans.get(name)!.startTimeUnixNano));
  expect(begun).toEqual(begun.toSorted((a, b) => (a < b ? -1 : 1)));
}

describe('a trace', () => {
  it('leads from the request through the queue to the store, in the trace that the client names', async () => {
    const service = await start(join(folder, 'store'), { ...traced(), OTEL_SERVICE_NAME: 'mine' });
    const response = await predict(service, { traceparent: TRACEPARENT });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    const spans = await spansOf(TRACE);
    expectWhole(spans);
    const request = spans.get('POST /predict')!;
    expect(response.headers.get('traceparent')).toBe(`00-${TRACE}-${request.spanId}-01`);
    expect(request.service).toBe('mine');
    expect(request.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 200 } });
  });

  it('is a new one if the client names none, or a malformed one', async () => {
    const service = await start(join(folder, 'store'), traced());
    for (const traceparent of [
      '',
      'x',
      `ff-${TRACE}-b7ad6b7169203331-01`,
      `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    ]) {
      const response = await predict(service, { traceparent });
      await response.arrayBuffer();
      expect(response.headers.get('traceparent')).toMatch(
        /^00-(?!0af7651916cd)[0-9a-f]{32}-[0-9a-f]{16}-01$/,
      );
    }
  });

  const missing = NO_SERVER ?? NO_REDIS;
  describe.skipIf(missing)(`over services that share a queue${missing ? ` (${missing})` : ''}`, () => {
    let s3: S3Server;
    let redis: RedisServer;
    beforeEach(async () => {
      [s3, redis] = await Promise.all([startS3(), startRedis()]);
    });
    afterEach(async () => {
      await Promise.all(services.splice(0).map((service) => service.stop()));
      await Promise.all([s3.stop(), redis.stop()]);
    });

    it('leads from the api to the worker', async () => {
      const settings = { ...traced(), S3_ENDPOINT: s3.endpoint, QUEUE: redis.url };
      const store = `s3://${BUCKET}/traced`;
      await start(store, { ...settings, ROLE: 'worker', OTEL_SERVICE_NAME: 'worker' });
      const api = await start(store, { ...settings, ROLE: 'api', OTEL_SERVICE_NAME: 'api' });
      const response = await predict(api, { traceparent: TRACEPARENT });
      expect(response.status).toBe(200);
      await response.arrayBuffer();
      const spans = await spansOf(TRACE);
      expectWhole(spans);
      const senders = ['POST /predict', 'predict', 'store'].map((name) => spans.get(name)!.service);
      expect(senders).toEqual(['api', 'worker', 'worker']);
    });
  });
});

describe('OpenTelemetry', () => {
  /**
   * Returns the scripts of OpenTelemetry that a service has loaded from its start to its end. (prom-client needs the
   * API, which does nothing by itself.)
   */
  async function loadedBy(settings: Record<string, string>): Promise<string[]> {
    const coverage = join(folder, 'coverage');
    const service = await ServiceProcess.start(join(folder, 'store'), {
      ...settings,
      NODE_V8_COVERAGE: coverage,
    });
    await (await predict(service)).arrayBuffer();
    await service.stop();
    const files = await readdir(coverage);
    const texts = await Promise.all(files.map((file) => readFile(join(coverage, file), 'utf8')));
    const scripts = texts.flatMap((text) => (JSON.parse(text) as { result: { url: string }[] }).result);
    return scripts.map(({ url }) => url).filter((url) => /@opentelemetry\/(?!api\/)/.test(url));
  }

  it('is not loaded if none of its variables configures traces', async () => {
    expect(await loadedBy({})).toEqual([]);
  });

  it('is loaded if one does', async () => {
    expect(await loadedBy(traced())).toContainEqual(expect.stringContaining('/@opentelemetry/sdk-trace/'));
  });
});
