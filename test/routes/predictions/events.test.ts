import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobEvent } from '../../../src/predictions/board/board.js';
import type { Predictions } from '../../../src/predictions/predictions.js';
import type { PredictionRecord, STATUSES } from '../../../src/record/record.js';
import { events } from '../../../src/routes/predictions/events.js';
import { viewOf } from '../../../src/routes/predictions/view.js';

/** More bytes than sockets buffer for a client that does not read. */
const MUCH = 32 * 2 ** 20;

/** Longer than the interval of the comments that keep a connection alive. */
const LONG_MS = 60_000;

type Status = (typeof STATUSES)[number];

const recordOf = (status: Status, detail = '') =>
  ({ id: 'the id', status, detail, request: {}, ghn: {} }) as unknown as PredictionRecord;

let app: FastifyInstance;
/** The prediction in progress; null once it is stored. */
let live: PredictionRecord | null;
let stored: PredictionRecord;
/** Returns the events that followed an event. */
let missed: (after: string) => Promise<JobEvent[] | null>;
const watchers = new Set<(event: JobEvent) => void>();

function tell(event: JobEvent): void {
  if ('record' in event) live = event.record;
  for (const watcher of watchers) watcher(event);
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  live = recordOf('running');
  watchers.clear();
  const predictions = {
    async watch(_id: string, watcher: typeof tell) {
      if (!live) return null;
      watchers.add(watcher);
      return { record: live, unwatch: () => watchers.delete(watcher) };
    },
    record: async () => stored,
    missed: async (_id: string, after: string) => missed(after),
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

async function follow(heard?: string): Promise<IncomingMessage> {
  const { port } = app.server.address() as AddressInfo;
  const asked = get({
    host: '127.0.0.1',
    port,
    path: `/predictions/${'0'.repeat(32)}/events`,
    agent: false,
    headers: heard === undefined ? {} : { 'last-event-id': heard },
  });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

/** Returns the names of the events. Comments have none. */
const namesIn = (stream: string) => [...stream.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);

/** Returns a record as clients see it. */
const shown = (record: PredictionRecord) => JSON.parse(JSON.stringify(viewOf(record))) as unknown;

/** Returns the data of the events. */
const dataIn = (stream: string) =>
  [...stream.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as unknown);

describe('a stream of events', () => {
  it('is kept alive while nothing happens', async () => {
    const response = await follow();
    vi.advanceTimersByTime(LONG_MS);
    tell({ record: recordOf('succeeded') });
    expect(await text(response)).toContain(': still here\n\nevent: succeeded');
  });

  it('arrives completely at a slow reader, long after it has ended', async () => {
    const response = await follow();
    tell({ record: recordOf('running', 'x'.repeat(MUCH)) });
    tell({ record: recordOf('succeeded') });
    vi.advanceTimersByTime(LONG_MS);
    expect(namesIn(await text(response))).toEqual(['running', 'running', 'succeeded']);
  });

  it('has the whole record first, and then the changes', async () => {
    live = recordOf('queued');
    const early = await follow();
    tell({ record: recordOf('running', 'begun') });
    const late = await follow();
    tell({ stage: 'encode' });
    tell({ record: recordOf('succeeded', 'begun') });
    const last = { id: 'the id', status: 'succeeded' };
    expect(dataIn(await text(early))).toEqual([
      shown(recordOf('queued')),
      { id: 'the id', status: 'running', detail: 'begun' },
      { stage: 'encode' },
      last,
    ]);
    expect(dataIn(await text(late))).toEqual([
      shown(recordOf('running', 'begun')),
      { stage: 'encode' },
      last,
    ]);
  });

  it('is one event if the prediction has ended', async () => {
    live = null;
    stored = recordOf('succeeded');
    expect(namesIn(await text(await follow()))).toEqual(['succeeded']);
    expect(watchers.size).toBe(0);
  });

  it('stops watching once all followers have disconnected', async () => {
    const followers = [await follow(), await follow()];
    expect(watchers.size).toBe(1);
    for (const response of followers) response.destroy();
    await expect.poll(() => watchers.size).toBe(0);
  });

  it('drops only clients that do not read', async () => {
    live = recordOf('running', 'x'.repeat(MUCH));
    const stalled = await follow();
    const ended = once(stalled, 'error');
    const reader = await follow();
    let read = '';
    reader.setEncoding('latin1').on('data', (chunk: string) => {
      read += chunk;
    });
    await expect.poll(() => read.length).toBeGreaterThan(MUCH);
    for (let index = 0; index < 50; index++) {
      tell({ stage: 'encode' });
      await new Promise(setImmediate);
    }
    stalled.resume();
    expect(String(await ended)).toContain('aborted');
    tell({ record: recordOf('succeeded') });
    await once(reader, 'end');
    expect(namesIn(read).at(-1)).toBe('succeeded');
  });
});

describe('a client that reconnects to a stream', () => {
  const stage = (name: string, at: string) => ({ stage: name, at }) as JobEvent;
  const placesIn = (stream: string) => [...stream.matchAll(/^id: (.*)$/gm)].map(([, at]) => at);

  it('gets the events that followed, each once, and the later ones', async () => {
    const first = await follow();
    tell(stage('graph', '1-0'));
    missed = async (after) => {
      expect(after).toBe('1-0');
      // Sent while it is looked up, and must not be sent twice.
      tell(stage('encode', '2-0'));
      tell(stage('decode', '4-0'));
      return [stage('encode', '2-0'), stage('decode', '3-0')];
    };
    const again = await follow('1-0');
    tell(stage('decode', '3-0'));
    tell({ record: recordOf('succeeded'), at: '5-0' });
    const stream = await text(again);
    expect(placesIn(stream)).toEqual(['2-0', '3-0', '4-0', 'succeeded-']);
    expect(namesIn(stream)).toEqual(['stage', 'stage', 'stage', 'succeeded']);
    first.resume();
  });

  it('gets the current record if the events that followed are not known', async () => {
    missed = async () => null;
    const again = await follow('7-0');
    tell({ record: recordOf('succeeded') });
    expect(namesIn(await text(again))).toEqual(['running', 'succeeded']);
  });

  it('learns that nothing follows the last event, or gets a later end if there is one', async () => {
    live = null;
    stored = { ...recordOf('succeeded'), generation: 'a1' };
    expect((await follow('succeeded-a1')).statusCode).toBe(204);
    const changed = await text(await follow('failed-'));
    expect(placesIn(changed)).toEqual(['succeeded-a1']);
  });
});
