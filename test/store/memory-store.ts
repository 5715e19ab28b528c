import { parsed } from '../../src/json-text.js';
import { type PredictionRecord, recordSchema } from '../../src/record/record.js';
import { pageLength } from '../../src/record/record-size.js';
import { BlocksReader } from '../../src/store/blocks/blocks-reader.js';
import { checksums, checksumsOf, type Manifest, planBlocks, runs } from '../../src/store/blocks/manifest.js';
import { RunCache } from '../../src/store/blocks/run-cache.js';
import {
  comparePositions,
  decodeCursor,
  encodeCursor,
  type ListOptions,
  positionOf,
  type RecordPage,
} from '../../src/store/list.js';
import { isId } from '../../src/store/prediction-id.js';
import type {
  PredictionRemains,
  PredictionStore,
  PredictionToStore,
  Saved,
  SaveOptions,
  StoredPrediction,
  Version,
} from '../../src/store/store.js';
import { storedRecordSchema } from '../../src/store/stored-record.js';

interface Kept {
  readonly remains: PredictionRemains;
  readonly manifest: Manifest;
  readonly bytes: Buffer;
}

/** A store without a place: what it holds ends with it. For tests of what stands on a store. */
export class MemoryStore implements PredictionStore {
  /** The least recently used first. */
  readonly #kept = new Map<string, Kept>();
  readonly #remains = new Map<string, PredictionRemains>();
  readonly #maxBytes: number;
  readonly #onProblem: (problem: Error) => void;

  constructor(maxBytes = 1e9, onProblem: (problem: Error) => void = () => {}) {
    this.#maxBytes = maxBytes;
    this.#onProblem = onProblem;
  }

  async save({ tensors, ...given }: PredictionToStore, { signal }: SaveOptions = {}): Promise<Saved> {
    const { record } = given;
    const remains = {
      ...given,
      architecture: parsed(given.architecture),
      kerasModel: parsed(given.kerasModel),
    };
    if (!isId(record.id)) throw new Error(`${JSON.stringify(record.id)} is not an id`);
    recordSchema.parse(record);
    await Promise.resolve();
    signal?.throwIfAborted();
    const there = this.#kept.get(record.id);
    if (there) return there.remains.record.generation === record.generation ? 'mine' : 'theirs';
    const plan = planBlocks(tensors);
    if (plan.bytes > this.#maxBytes)
      throw new Error(`more than the ${this.#maxBytes} bytes that there may be`);
    const copies: Buffer[] = [];
    for (const run of runs(plan, tensors)) copies.push(Buffer.from(run));
    const bytes = Buffer.concat(copies);
    const manifest = { ...plan, crc32: checksums(bytes, plan.pieceBytes) };
    this.#kept.set(record.id, { remains, manifest, bytes });
    this.#remains.delete(record.id);
    for (const id of this.#kept.keys()) {
      if (this.#used() <= this.#maxBytes) break;
      this.#kept.delete(id);
    }
    return 'mine';
  }

  async open(id: string): Promise<StoredPrediction | null> {
    const kept = this.#kept.get(id);
    if (!kept) return null;
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    const { manifest, bytes, remains } = kept;
    const reader = new BlocksReader(
      {
        fill: async (target, position) => bytes.copy(target, 0, position),
        close: async () => {},
      },
      {
        manifest,
        id,
        cache: new RunCache(0),
        onCorrupt: (error) => {
          if (this.#kept.get(id) !== kept) return;
          this.#kept.delete(id);
          this.#remains.set(id, remains);
          this.#onProblem(error);
        },
      },
    );
    const { record } = remains;
    return { record, tensors: reader.tensors, checksums: manifest.crc32, release: () => {} };
  }

  async record(id: string): Promise<PredictionRecord | null> {
    return this.#kept.get(id)?.remains.record ?? null;
  }

  async architecture(id: string) {
    return this.#kept.get(id)?.remains.architecture ?? null;
  }

  async kerasModel(id: string): Promise<unknown> {
    return this.#kept.get(id)?.remains.kerasModel ?? null;
  }

  async remains(id: string): Promise<PredictionRemains | null> {
    return this.#remains.get(id) ?? null;
  }

  checksums(tensors: PredictionToStore['tensors']): Promise<string> {
    return checksumsOf(tensors);
  }

  async list({ limit, cursor, architecture, ghn, status }: ListOptions): Promise<RecordPage> {
    const after = cursor === undefined ? null : decodeCursor(cursor);
    const all = [...this.#kept.values()]
      .map(({ remains }) => remains.record)
      .filter(
        (record) =>
          (architecture === undefined || record.architecture.name === architecture) &&
          (ghn === undefined || record.ghn.id === ghn) &&
          (status === undefined || record.status === status) &&
          (!after || comparePositions(positionOf(record), after) > 0),
      )
      .sort((a, b) => comparePositions(positionOf(a), positionOf(b)));
    const records = all.slice(0, pageLength(all, limit));
    const last = records.at(-1);
    return {
      records,
      nextCursor: last && records.length < all.length ? encodeCursor(positionOf(last)) : null,
    };
  }

  async amend(
    { id, generation }: Version,
    change: (record: PredictionRecord) => Partial<PredictionRecord> | null,
  ): Promise<boolean> {
    const kept = this.#kept.get(id);
    if (!kept || kept.remains.record.generation !== generation) return false;
    const fields = change(kept.remains.record);
    if (!fields) return false;
    const record = storedRecordSchema.parse({ ...kept.remains.record, ...fields });
    this.#kept.set(id, { ...kept, remains: { ...kept.remains, record } });
    return true;
  }

  async delete(id: string): Promise<boolean> {
    const wasKept = this.#kept.delete(id);
    return this.#remains.delete(id) || wasKept;
  }

  async usage(): Promise<number> {
    return this.#used();
  }

  async probe(): Promise<void> {}

  async close(): Promise<void> {}

  /** Inverts a bit in the middle of a prediction's blocks. */
  damage(id: string): void {
    const { bytes } = this.#kept.get(id)!;
    bytes[Math.floor(bytes.length / 2)] ^= 1;
  }

  #used(): number {
    let sum = 0;
    for (const { bytes } of this.#kept.values()) sum += bytes.length;
    return sum;
  }
}
