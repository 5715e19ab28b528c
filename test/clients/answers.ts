import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import type { PredictionView } from '../../src/routes/predictions/view.js';
import { digestOf, getJson, getRecord, type PredictBody, post } from './prediction.js';

/** Sooner than `retry-after` says: a service must bear it. */
export const RETRY_MS = 250;

/** What clients were answered, to be compared with whatever else is served under the same addresses. */
export class Answers {
  /** Digests of the bodies that clients got whole, by prediction. */
  readonly #digests = new Map<string, string>();
  /** What was asked for, by prediction. */
  readonly #bodies = new Map<string, PredictBody>();

  /** How many predictions were answered whole. */
  get count(): number {
    return this.#digests.size;
  }

  /**
   * Asks for a prediction and reads it to its end: the same bytes as whenever else it was asked for. The answer's status,
   * or undefined where the connection broke.
   */
  async ask(url: string, body: PredictBody): Promise<Response | undefined> {
    let response: Response;
    let digest: string;
    try {
      response = await post(url, body);
      if (!response.ok) {
        await response.arrayBuffer();
        return response;
      }
      digest = await digestOf(response);
    } catch {
      return undefined;
    }
    const id = response.headers.get('location')!.split('/').at(-1)!;
    this.#bodies.set(id, body);
    this.#expect(id, digest);
    return response;
  }

  /** As `ask`, and again while the service has too much to do. */
  async askAgain(url: string, body: PredictBody): Promise<Response | undefined> {
    for (;;) {
      const response = await this.ask(url, body);
      if (response?.status !== 503) return response;
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      await setTimeout(RETRY_MS);
    }
  }

  has(id: string): boolean {
    return this.#digests.has(id);
  }

  /** The record's digest is that of what a client got whole, if one did. */
  expectSame({ id, digest }: PredictionView): void {
    if (this.has(id)) expect(digest, id).toBe(this.#digests.get(id));
  }

  /** Asks for all that was answered once more, elsewhere. */
  async expectSameFrom(url: string): Promise<void> {
    for (const body of this.#bodies.values()) expect((await this.askAgain(url, body))?.status).toBe(200);
  }

  #expect(id: string, digest: string): void {
    expect(digest, id).toBe(this.#digests.get(id) ?? digest);
    this.#digests.set(id, digest);
  }
}

/** All that is listed. */
export async function listed(url: string, filter = ''): Promise<readonly PredictionView[]> {
  const page = await getJson<{ predictions: PredictionView[]; next_cursor: string | null }>(
    `${url}/predictions?limit=1000${filter}`,
  );
  expect(page.next_cursor).toBeNull();
  return page.predictions;
}

/** That a prediction succeeded and that its weights are those that its record tells of. */
export async function expectWhole(prediction: string): Promise<PredictionView> {
  const record = await getRecord(prediction);
  expect(record.status).toBe('succeeded');
  const weights = await fetch(`${prediction}/weights`);
  expect(weights.status, weights.ok ? '' : await weights.text()).toBe(200);
  expect(Number(weights.headers.get('content-length'))).toBe(record.bytes);
  expect(await digestOf(weights), record.id).toBe(record.digest);
  expect(await getJson(`${prediction}/architecture`)).toMatchObject({ name: record.architecture.name });
  return record;
}
