import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  digestsOf,
  expectedDigests,
  idOf,
  numberOf,
  samplePrediction,
  sampleRecord,
  smallPrediction,
} from '../samples.js';
import { openStore, temporaryDirectory } from './setup.js';

const SAVER = fileURLToPath(new URL('kill-point-saver.ts', import.meta.url));

/** Which of the kill points are tried: every so many-th, from a random one on; all with KILL_POINTS=1. */
const STEP = Number(process.env.KILL_POINTS ?? 7);

/** Predictions that are folders, and those that are files. */
const SIZES = { large: samplePrediction, small: smallPrediction } as const;
type Size = keyof typeof SIZES;

/** More than there are. */
const NEVER = 1e9;

/** Returns the output of a process that was killed at that point: the last completed step, or the number of points. */
async function runUntil(
  directory: string,
  maxBytes: number,
  point: number,
  size: Size,
): Promise<string | number> {
  const saver = fork(SAVER, [directory, String(maxBytes), String(point), size]);
  let last: string | number = '';
  saver.on('message', (message: string | number) => {
    last = message;
  });
  const [code, signal] = (await once(saver, 'exit')) as [number | null, string | null];
  expect([code, signal]).toEqual(typeof last === 'number' ? [0, null] : [null, 'SIGKILL']);
  return last;
}

describe.each(['large', 'small'] as const)('a store of %s predictions', (size) => {
  it('is intact and usable in every state in which a killed process can leave it', {
    timeout: 600_000,
  }, async ({ annotate }) => {
    const predictionOf = SIZES[size];
    const before = await temporaryDirectory();
    const { store } = await openStore(before);
    await store.save(predictionOf(1));
    await store.save(predictionOf(2));
    // Room for two of the predictions, not for three.
    const maxBytes = 1.2 * (await store.usage());
    await store.close();

    const first = STEP === 1 ? 0 : Math.floor(Math.random() * STEP);
    let points = NEVER;
    for (let point = first; point < points; point += STEP) {
      const directory = await temporaryDirectory();
      await cp(before, directory, { recursive: true, preserveTimestamps: true });
      const last = await runUntil(directory, maxBytes, point, size);
      if (typeof last === 'number') points = last;

      const opened = await openStore(directory, maxBytes);
      const { records } = await opened.store.list({ limit: 10 });
      const numbers = records.map(({ id }) => numberOf(id)).sort();
      const where = `killed before operation ${point}, after it had ${last || 'done nothing'}`;
      for (const record of records) {
        const n = numberOf(record.id);
        expect([null, `sha256:${n}`], where).toContain(record.digest);
        expect(record, where).toEqual(sampleRecord(n, { digest: record.digest }));
        const stored = (await opened.store.open(record.id))!;
        expect(await digestsOf(stored), where).toEqual(expectedDigests(predictionOf(n)));
        stored.release();
      }
      expect(opened.problems, where).toEqual([]);
      // The first made room for the third, and nothing else is lost; what was said to be done is done.
      if (last === '') expect([[1, 2], [2], [2, 3]], where).toContainEqual(numbers);
      if (last === 'saved' || last === 'amended') expect([[2, 3], [3]], where).toContainEqual(numbers);
      if (last === 'amended') expect((await opened.store.record(idOf(3)))?.digest, where).toBe('sha256:3');
      if (last === 'deleted') expect(numbers, where).toEqual([3]);
      expect(await readdir(join(directory, 'unfinished')), where).toEqual([]);
      expect((await readdir(join(directory, 'predictions'))).sort(), where).toEqual(
        records.map(({ id }) => id).sort(),
      );
      // And what was not done can be done again.
      await opened.store.save(predictionOf(3));
      expect((await opened.store.record(idOf(3)))?.id, where).toBe(idOf(3));
      await opened.store.close();
    }
    expect(points).toBeLessThan(NEVER);
    await annotate(`${points} operations on files, the process killed before every ${STEP}th`);
  });
});
