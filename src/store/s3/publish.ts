import { randomBytes } from 'node:crypto';
import { JsonText } from '../../json-text.js';
import type { PredictionRecord } from '../../record/record.js';
import { checksums, planBlocks, runs } from '../blocks/manifest.js';
import type { PredictionToStore, Saved } from '../store.js';
import type { ObjectBucket } from './bucket.js';
import { attemptOf, type Commits, type Found, nameOf } from './commits.js';
import { sealCommit, sealMeta, sealWhole } from './documents.js';
import { type Attempt, blocksKey, metaKey, recordKey } from './keys.js';
import type { Room } from './room.js';

/** Number of attempts to commit if answers are lost. */
const MAX_DOUBTS = 3;

/** Allowance for the attempt's keys and the growth of its record. */
const OVERHEAD_BYTES = 2048;

const ATTEMPT_BYTES = 8;

/** The number of an attempt's objects: the blocks, and meta.json with the tensors' offsets. */
const OBJECTS = 2;

export interface Publishing {
  readonly bucket: ObjectBucket;
  readonly commits: Commits;
  readonly room: Room;
  /** After this time, other services count a silent writer as gone, and remove its uncommitted objects. */
  readonly graceMilliseconds: number;
  /** Blocks of up to this many bytes are stored in the commit itself. */
  readonly wholeBytes: number;
  readonly onProblem: (problem: Error) => void;
  /** Aborts the save if the prediction is not committed yet. */
  readonly signal?: AbortSignal;
}

/**
 * Stores a prediction. It is committed by one write, on the condition that nothing is committed under its id. For a
 * small prediction, only that write is waited for; for others, it is the last one.
 */
export async function publish(prediction: PredictionToStore, publishing: Publishing): Promise<Saved> {
  publishing.signal?.throwIfAborted();
  return (await publishWhole(prediction, publishing)) ?? (await publishParts(prediction, publishing));
}

/** Returns null if the prediction is too large, or if no room is reserved in advance. */
async function publishWhole(
  prediction: PredictionToStore,
  { signal, ...publishing }: Publishing,
): Promise<Saved | null> {
  const { record, architecture, kerasModel, tensors } = prediction;
  const plan = planBlocks(tensors);
  if (plan.bytes > publishing.wholeBytes) return null;
  if (architecture instanceof JsonText || kerasModel instanceof JsonText) return null;
  const { room } = publishing;
  const blocks = Buffer.concat(Array.from(runs(plan, tensors), (run) => Buffer.from(run)));
  const manifest = { ...plan, crc32: checksums(blocks, plan.pieceBytes) };
  const name = randomBytes(ATTEMPT_BYTES).toString('hex');
  const meta = { manifest, architecture, kerasModel };
  const { document, bytes } = sealWhole(record, meta, blocks, name, (length) => length + OVERHEAD_BYTES);
  const attempt: Attempt = { id: record.id, attempt: name, bytes };
  if (!(await room.take(attempt.bytes))) return null;
  if (signal?.aborted) {
    room.giveBack(attempt.bytes);
    throw signal.reason;
  }
  let listing: Promise<void> | undefined;
  const giveUp = async () => {
    await listing;
    await room.leave(record, attempt).catch(publishing.onProblem);
    room.giveBack(attempt.bytes);
  };
  const committing = commit(record, attempt, document, publishing, giveUp);
  // Listed at the same time as it is committed. Without the commit, the index key is ignored; without the key, an
  // audit finds the commit.
  listing = room.enterEarly(record, attempt);
  const theirs = await committing;
  await listing;
  return theirs ? whose(theirs, record) : 'mine';
}

/**
 * If this process is killed before the commit, nothing becomes visible. If it is killed after the commit, the next
 * save or sweep lists the prediction.
 */
async function publishParts(prediction: PredictionToStore, publishing: Publishing): Promise<Saved> {
  const { bucket, commits, room, onProblem, signal } = publishing;
  const { record, architecture, kerasModel, tensors } = prediction;
  const found = await commits.find(record.id);
  if (found) {
    // Listed again, since the service that committed it may have stopped after the commit.
    await room.enter(found.commit.record, attemptOf(found.commit));
    return whose(found, record);
  }
  signal?.throwIfAborted();
  const started = performance.now();
  const body = await prediction.body?.();
  const plan = planBlocks(tensors, body);
  const name = randomBytes(ATTEMPT_BYTES).toString('hex');
  const documents = [sealMeta({ manifest: plan, architecture, kerasModel }), sealCommit(record, name, 0)];
  const bytes = documents.reduce((sum, { length }) => sum + length, plan.bytes + OVERHEAD_BYTES);
  const attempt: Attempt = { id: record.id, attempt: name, bytes };
  await room.reserve(attempt);
  try {
    let crc32 = '';
    const summed = function* () {
      for (const run of runs(plan, tensors, body)) {
        crc32 += checksums(run, plan.pieceBytes);
        yield run;
      }
    };
    await bucket.putRuns(blocksKey(attempt), summed(), signal);
    const meta = { manifest: { ...plan, crc32 }, architecture, kerasModel };
    await bucket.put(metaKey(attempt), sealMeta(meta), {}, signal);
    signal?.throwIfAborted();
  } catch (error) {
    await room.clear(attempt).catch(() => {});
    throw error;
  }
  const document = sealCommit(record, name, bytes);
  const giveUp = () => room.clear(attempt).catch(onProblem);
  const theirs = await commit(record, attempt, document, publishing, giveUp);
  if (theirs) return whose(theirs, record);
  if (performance.now() - started > publishing.graceMilliseconds / 2)
    await refuseCleared(attempt, publishing);
  await room.enter(record, attempt);
  await room.finish(attempt).catch(onProblem);
  return 'mine';
}

/**
 * Commits an attempt. Returns null, or the earlier commit if there is one. From here on, nothing is removed unless it
 * is certain that it was not committed.
 */
async function commit(
  record: PredictionRecord,
  { attempt }: Attempt,
  document: Buffer,
  { bucket, commits, room }: Publishing,
  giveUp: () => Promise<void>,
): Promise<Found | null> {
  let doubts = 0;
  for (;;) {
    try {
      if (await bucket.put(recordKey(record.id), document, { isNew: true })) return null;
      const found = await commits.find(record.id);
      // It was committed, but the answer was lost.
      if (found?.commit.attempt === attempt) return null;
      if (found) {
        await giveUp();
        // Listed again, since the service that committed it may have stopped after the commit.
        await room.enter(found.commit.record, attemptOf(found.commit));
        return found;
      }
    } catch (error) {
      // The answer may be lost. A server that refuses to write the same object twice may also close the connection
      // before it answers.
      const found = await commits.find(record.id).catch(() => null);
      if (found?.commit.attempt === attempt) return null;
      if (++doubts === MAX_DOUBTS) throw error;
      continue;
    }
    if (++doubts === MAX_DOUBTS) {
      await giveUp();
      throw new Error('another version of ghn-serve has stored a prediction with the same id');
    }
  }
}

/**
 * After a long save, checks that other services have not removed the objects because this service seemed to be gone.
 * @throws Error if they have
 */
async function refuseCleared(attempt: Attempt, { bucket, commits }: Publishing): Promise<void> {
  const { objects } = await bucket.page(`attempts/${nameOf(attempt)}/`);
  if (objects.length === OBJECTS) return;
  const found = await commits.find(attempt.id);
  if (found?.commit.attempt === attempt.attempt) {
    await bucket.remove(recordKey(attempt.id), { etag: found.etag });
  }
  throw new Error('it took too long to be stored; try again');
}

const whose = ({ commit: { record } }: Found, { generation }: PredictionRecord): Saved =>
  record.generation === generation ? 'mine' : 'theirs';
