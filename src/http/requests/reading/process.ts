import { planRequest } from '../../../predictions/plan-request.js';
import { sentPlan } from '../../../predictions/planning/sent-plan.js';
import { readPredictRequest } from '../../../predictions/request.js';
import { checkList, inList } from '../../../predictions/request-list.js';
import { PredictorUnavailableError } from '../../../predictor/executor.js';
import { connectToService } from '../../../process/parent.js';
import { parseBody } from './parse-body.js';
import { type FromReader, type ReadEntry, sentError, type ToReader } from './protocol.js';

// Entry point of the process that reads large bodies: a body that takes long does not delay other requests, and one
// that takes too much memory ends only this process.

const channel = connectToService<ToReader, FromReader>((message, _arrays, [body]) => {
  const texts: Uint8Array[] = [];
  void channel.send(read(message, body, texts), [], texts);
});

function read({ bodyLimit, planning }: ToReader, body: Uint8Array, texts: Uint8Array[]): FromReader {
  try {
    const value = parseBody(Buffer.from(body.buffer, body.byteOffset, body.byteLength), bodyLimit);
    if (!planning) return { type: 'json' };
    if (!Array.isArray(value)) {
      return { type: 'request', entry: entryOf(value, planning, texts, (error) => error) };
    }
    checkList(value);
    const entries = value.map((entry, index) =>
      entryOf(entry, planning, texts, (error) => inList(error, index)),
    );
    return { type: 'list', entries };
  } catch (error) {
    return { type: 'request', entry: { error: sentError(error as Error) } };
  }
}

function entryOf(
  value: unknown,
  { limits, description }: NonNullable<ToReader['planning']>,
  texts: Uint8Array[],
  placed: (error: Error) => Error,
): ReadEntry {
  try {
    const request = readPredictRequest(value, limits);
    if (!description) throw new PredictorUnavailableError('the GHNs are being loaded');
    return { plan: sentPlan(planRequest(request, limits, description), texts) };
  } catch (error) {
    return { error: sentError(placed(error as Error)) };
  }
}
