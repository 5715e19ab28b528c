import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobEvent } from '../../../src/predictions/job.js';
import type { Predictions } from '../../../src/predictions/predictions.js';
import type { PredictionRecord, STATUSES } from '../../../src/predictions/record.js';
import { events } from '../../../src/routes/predictions/events.js';

/** More than sockets take of what their client does not read. */
const MUCH = 32 * 2 ** 20;

/** Longer than what keeps a connection alive is apart. */
const LONG_MS = 60_000;

type Status = (typeof STATUSES)[number];

const recordOf = (status: Status, detail = '') =>
  ({ status, detail, request: {}, ghn: {} }) as unknown as PredictionRecord;

let app: FastifyInstance;
let tell: (event: JobEvent) => void;
/** What the route is told first. */
let first: () => PredictionRecord | Promise<PredictionRecord>;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  first = () => recordOf('running');
  const predictions = {
    watch(_id: string, listener: typeof tell) {
      tell = listener;
      return () => {};
    },
    progress: () => null,
    record: async () => first(),
  } as unknown as Predictions;
  app = Fastify();
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler);
  await app.register(events, { predictions });
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  vi.useRealTimers();
  await app.close();
});

async function follow(): Promise<IncomingMessage> {
  const { port } = app.server.address() as AddressInfo;
  const asked = get({ host: '127.0.0.1', port, path: `/predictions/${'0'.repeat(32)}/events`, agent: false });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

/** The names of the events; a comment is none. */
const namesIn = (stream: string) => [...stream.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);

describe('a stream of events', () => {
  it('is kept alive while nothing happens', async () => {
    const response = await follow();
    vi.advanceTimersByTime(LONG_MS);
    tell({ record: recordOf('succeeded') });
    expect(await text(response)).toContain(': still here\n\nevent: succeeded');
  });

  it('comes whole to who reads slowly, though it is long over', async () => {
    const response = await follow();
    tell({ record: recordOf('running', 'x'.repeat(MUCH)) });
    tell({ record: recordOf('succeeded') });
    vi.advanceTimersByTime(LONG_MS);
    expect(namesIn(await text(response))).toEqual(['running', 'running', 'succeeded']);
  });

  it('ends once where its prediction does while the record is being looked for', async () => {
    first = () => {
      tell({ record: recordOf('succeeded') });
      return recordOf('succeeded');
    };
    expect(namesIn(await text(await follow()))).toEqual(['succeeded']);
  });
});
