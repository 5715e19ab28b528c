import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Ear } from '../../../src/predictions/board/bull/ears.js';

describe('a client that waits for news of a job', () => {
  it('leaves no listener on its signal, however often it checks', async () => {
    const { signal } = new AbortController();
    const ear = new Ear();
    for (let time = 0; time < 3; time++) expect(await ear.next(signal, 1)).toBeNull();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is told at once when it disconnects', async () => {
    const client = new AbortController();
    const heard = new Ear().next(client.signal, 3_600_000);
    client.abort();
    expect(await heard).toBeNull();
  });

  it('gets what happened while it did not listen', async () => {
    const ear = new Ear();
    ear.tell({ isStored: true });
    expect(await ear.next()).toEqual({ isStored: true });
  });
});
