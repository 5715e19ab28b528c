import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import type { PredictionView } from '../../src/routes/predictions/view.js';
import { digestOf, getJson, getRecord, type PredictBody, post } from './prediction.js';

/** Shorter than `retry-after`, which a service must tolerate. */
export const RETRY_MS = 250;

/** The answers that clients received, to compare with later answers under the same addresses. */
export class Answers {
  /** Digests of the complete bodies that clients received, by prediction. */
  readonly #digests = new Map<string, string>();
  /** Bodies of the requests, by prediction. */
  readonly #bodies = new Map<string, PredictBody>();

  /** Number of predictions with a complete answer. */
  get count(): number {
    return this.#digests.size;
  }

  /**
   * Requests a prediction and reads the answer to its end. The bytes must be those of earlier answers. Returns the
   * answer, or undefined if the connection broke.
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

  /** Like `ask`, but tries again while the service is overloaded. */
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

  /** Checks that the record's digest is that of the complete answer, if a client received one. */
  expectSame({ id, digest }: PredictionView): void {
    if (this.has(id)) expect(digest, id).toBe(this.#digests.get(id));
  }

  /** Sends all answered requests again, to another service. */
  async expectSameFrom(url: string): Promise<void> {
    for (const body of this.#bodies.values()) expect((await this.askAgain(url, body))?.status).toBe(200);
  }

  #expect(id: string, digest: string): void {
    expect(digest, id).toBe(this.#digests.get(id) ?? digest);
    this.#digests.set(id, digest);
  }
}

/** Returns all listed predictions. */
export async function listed(url: string, filter = ''): Promise<readonly PredictionView[]> {
  const page = await getJson<{ predictions: PredictionView[]; next_cursor: string | null }>(
    `${url}/predictions?limit=1000${filter}`,
  );
  expect(page.next_cursor).toBeNull();
  return page.predictions;
}

/** Checks that a prediction succeeded and that its weights match its record. */
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
