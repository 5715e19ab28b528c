import { isId } from '../prediction-id.js';
import { NotUnderstoodError, type PredictionRemains, type Promises } from '../store.js';
import type { ObjectBucket } from './bucket.js';
import { readRemains, sealRemains } from './documents.js';

const PENDING = 'pending/';
const keyOf = (id: string) => `${PENDING}${id}.json`;

/** Keeps promises in the bucket, so that they survive the loss of the queue and of the service that made them. */
export class S3Promises implements Promises {
  readonly #bucket: ObjectBucket;

  constructor(bucket: ObjectBucket) {
    this.#bucket = bucket;
  }

  async promise(remains: PredictionRemains): Promise<void> {
    await this.#bucket.put(keyOf(remains.record.id), sealRemains(remains));
  }

  async settle(id: string): Promise<void> {
    await this.#bucket.remove(keyOf(id));
  }

  async find(id: string): Promise<PredictionRemains | null> {
    if (!isId(id)) return null;
    const object = await this.#bucket.get(keyOf(id));
    if (!object) return null;
    try {
      return readRemains(object.bytes, id);
    } catch (error) {
      // Another version wrote this promise, and will keep it.
      if (error instanceof NotUnderstoodError) return null;
      throw error;
    }
  }

  async *all(): AsyncGenerator<PredictionRemains> {
    for await (const { key } of this.#bucket.all(PENDING)) {
      const remains = await this.find(key.slice(PENDING.length).replace('.json', ''));
      if (remains) yield remains;
    }
  }
}
