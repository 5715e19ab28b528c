import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../../src/async/deferred.js';
import { Requests } from '../../../src/store/s3/requests.js';
import { StoreLeftError } from '../../../src/store/store.js';

/** A request that has no answer until it is given up. */
const silent = (signal: AbortSignal) => {
  const { promise, reject } = deferred<never>();
  signal.addEventListener('abort', () => reject(new Error('aborted')));
  if (signal.aborted) reject(new Error('aborted'));
  return promise;
};

const explain = (error: unknown) => new Error('explained', { cause: error });

describe('requests to a bucket', () => {
  it('end with the reason of the signal that aborts them, and leave no listener on it', async () => {
    const requests = new Requests(explain);
    const owner = new AbortController();
    const given = requests.run(silent, owner.signal);
    const other = requests.run(async () => 'answer', owner.signal);
    expect(await other).toBe('answer');
    owner.abort(new Error('nobody wants it'));
    await expect(given).rejects.toThrow('nobody wants it');
    await expect(requests.run(silent, owner.signal)).rejects.toThrow('nobody wants it');
    expect(getEventListeners(owner.signal, 'abort')).toEqual([]);
  });

  it('are all aborted when the service stops, and no more are made', async () => {
    const requests = new Requests(explain);
    const before = [requests.run(silent), requests.run(silent)];
    requests.leave();
    for (const request of before) await expect(request).rejects.toThrow(StoreLeftError);
    await expect(requests.run(async () => 'answer')).rejects.toThrow(StoreLeftError);
  });

  it('fail with an explained error', async () => {
    const refused = new Requests(explain).run(() => Promise.reject(new Error('UnknownError')));
    await expect(refused).rejects.toThrow('explained');
  });
});
