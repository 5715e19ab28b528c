import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { ByteSource } from '../format/layout.js';
import { problemOf, problemOfError } from '../http/plugins/problems.js';
import { PROBLEM_TYPE, problemSchema } from '../http/problems/problem.js';
import { inOrder } from '../predictions/in-order.js';
import type { Predictions } from '../predictions/predictions.js';
import type { ReadyPrediction } from '../predictions/ready-prediction.js';
import type { RequestList } from '../predictions/request-list.js';
import { weightsSource } from '../predictions/weights.js';
import type { PredictionRecord } from '../record/record.js';
import { pathOf, viewOf, viewSchema, warningHeaders } from './predictions/view.js';
import { weightsEtag, weightsFileName } from './predictions/weights-file.js';

/** Number of predictions of one list that are in progress at once: enough that the engine never waits for the next. */
const AT_ONCE = 8;

/** Size of the pieces in which weights are written. */
const CHUNK_BYTES = 2 ** 18;

export const resultsSchema = z
  .object({
    results: z.array(
      z.union([
        z.object({
          status: z.int().describe('200, or 202 with `prefer: respond-async`.'),
          prediction: viewSchema,
        }),
        z.object({
          status: z
            .int()
            .describe('Seconds after which to try again, as if the request had been sent alone.'),
          retry_after: z.int().min(1).optional().describe('Seconds after which to try again.'),
          problem: problemSchema,
        }),
      ]),
    ),
  })
  .meta({
    id: 'PredictionResults',
    description: 'One result for each request, in the order of the requests',
  });

type Result = z.output<typeof resultsSchema>['results'][number];

type Entry = RequestList['entries'][number];

export interface ListAnswer {
  readonly predictions: Predictions;
  readonly list: RequestList;
  readonly client: string;
  /** Aborts when the client disconnects or the request takes too long. */
  readonly signal: AbortSignal;
}

/** Starts all predictions and waits for none. */
export async function begun({ predictions, list, client }: ListAnswer): Promise<{ results: Result[] }> {
  const work = (entry: Entry) => predictions.begin(checked(entry), client);
  const results: Result[] = [];
  for await (const outcome of inOrder(list.entries, 1, work, () => {})) {
    results.push(outcome instanceof Error ? refused(outcome) : { status: 202, prediction: viewOf(outcome) });
  }
  return { results };
}

/** Makes all predictions, and answers when all are stored. */
export async function made({
  predictions,
  list,
  client,
  signal,
}: ListAnswer): Promise<{ results: Result[] }> {
  const work = async (entry: Entry): Promise<PredictionRecord> => {
    const { record, release } = await predictions.predict(checked(entry), signal, client);
    release();
    return predictions.finished(record.id);
  };
  const results: Result[] = [];
  for await (const outcome of inOrder(list.entries, AT_ONCE, work, () => {})) {
    results.push(outcome instanceof Error ? refused(outcome) : resultOf(outcome));
  }
  return { results };
}

/** Makes all predictions, and sends the weights of each as a part of one body, as soon as those before it are sent. */
export function sendParts(reply: FastifyReply, answer: ListAnswer): FastifyReply {
  const boundary = randomUUID();
  reply.type(`multipart/mixed; boundary=${boundary}`);
  return reply.send(Readable.from(parts(answer, boundary), { objectMode: false, highWaterMark: 1 }));
}

async function* parts(
  { predictions, list, client, signal }: ListAnswer,
  boundary: string,
): AsyncGenerator<Buffer> {
  const work = (entry: Entry) => predictions.predict(checked(entry), signal, client);
  for await (const outcome of inOrder(list.entries, AT_ONCE, work, ({ release }) => release())) {
    if (outcome instanceof Error) {
      const { problem } = problemOfError(outcome);
      const body = Buffer.from(JSON.stringify(problem));
      yield headOf(boundary, { 'content-type': PROBLEM_TYPE, 'content-length': body.length });
      yield body;
      continue;
    }
    try {
      yield* weightsPart(outcome, boundary);
    } finally {
      outcome.release();
    }
  }
  yield Buffer.from(`\r\n--${boundary}--\r\n`);
}

async function* weightsPart({ record, tensors }: ReadyPrediction, boundary: string): AsyncGenerator<Buffer> {
  const source = weightsSource(record, tensors, record.request);
  yield headOf(boundary, {
    'content-type': 'application/octet-stream',
    'content-length': source.byteLength,
    'content-disposition': `attachment; filename="${weightsFileName(record, record.request.format)}"`,
    etag: weightsEtag(record, record.request),
    location: pathOf(record),
    ...warningHeaders(record),
  });
  yield* chunksOf(source);
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Buffer> {
  try {
    for (let start = 0; start < source.byteLength; start += CHUNK_BYTES) {
      const end = Math.min(start + CHUNK_BYTES, source.byteLength);
      const chunk = Buffer.allocUnsafe(end - start);
      await source.copy(start, end, chunk, 0);
      yield chunk;
    }
  } finally {
    source.release?.();
  }
}

function headOf(boundary: string, headers: Readonly<Record<string, string | number>>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`\r\n--${boundary}\r\n${lines.join('')}\r\n`);
}

/** @throws the error of an entry that could not be parsed */
function checked(entry: Entry): Exclude<Entry, Error> {
  if (entry instanceof Error) throw entry;
  return entry;
}

function resultOf(record: PredictionRecord): Result {
  if (!record.error) return { status: 200, prediction: viewOf(record) };
  const problem = problemOf(record.error);
  return { status: problem.status, problem };
}

function refused(error: Error): Result {
  const { problem, retryAfter } = problemOfError(error);
  return { status: problem.status, ...(retryAfter !== undefined && { retry_after: retryAfter }), problem };
}
