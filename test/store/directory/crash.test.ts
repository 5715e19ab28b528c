import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { thisWriter, unfinishedName } from '../../../src/store/directory/writer.js';
import { digestsOf, expectedDigests, idOf, numberOf, samplePrediction, sampleRecord } from '../samples.js';
import { openStore, temporaryDirectory } from './setup.js';

const SAVER = fileURLToPath(new URL('saver.ts', import.meta.url));

/** Number of times that a process is killed; set CRASHES for more. */
const CRASHES = Number(process.env.CRASHES ?? 20);

/** Room for about eight predictions, so that the process evicts as well. */
const MAX_BYTES = 10e6;

/** Kills a saving process at a random moment after its first save has begun; returns the last that it said was saved. */
async function killWhileSaving(directory: string, first: number): Promise<number> {
  const saver: ChildProcess = fork(SAVER, [directory, String(MAX_BYTES), String(first)]);
  const exit = once(saver, 'exit');
  let last = 0;
  saver.on('message', (n: number) => {
    last = n;
  });
  await once(saver, 'message');
  await setTimeout(Math.random() * 200);
  saver.kill('SIGKILL');
  await exit;
  return last;
}

describe('a process that is killed while it saves', () => {
  it(`leaves complete predictions and nothing else, ${CRASHES} times`, {
    timeout: CRASHES * 20_000,
  }, async () => {
    const directory = await temporaryDirectory();
    for (let crash = 0; crash < CRASHES; crash++) {
      const last = await killWhileSaving(directory, 1 + 1000 * crash);
      const { store, problems } = await openStore(directory, MAX_BYTES);
      const { records } = await store.list({ limit: 1000 });
      for (const record of records) {
        const n = numberOf(record.id);
        expect([null, `sha256:${n}`]).toContain(record.digest);
        expect(record).toEqual(sampleRecord(n, { digest: record.digest }));
        const stored = (await store.open(record.id))!;
        expect(await digestsOf(stored)).toEqual(expectedDigests(samplePrediction(n)));
        stored.release();
      }
      expect(problems).toEqual([]);
      if (last > 0) expect(records.map(({ id }) => id)).toContain(idOf(last));
      expect((await readdir(join(directory, 'predictions'))).sort()).toEqual(
        records.map(({ id }) => id).sort(),
      );
      expect(await readdir(join(directory, 'unfinished'))).toEqual([]);
      await store.close();
    }
  });
});

describe('an unfinished prediction that is found at the start', () => {
  const leave = async (directory: string, name: string, age = 0) => {
    const folder = join(directory, 'unfinished', name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'blocks.bin'), 'half');
    const written = new Date(Date.now() - age);
    await utimes(join(folder, 'blocks.bin'), written, written);
    await utimes(folder, written, written);
  };
  const HOUR = 3_600_000;

  it('is kept while its writer lives, however long it takes', async () => {
    const directory = await temporaryDirectory();
    const name = unfinishedName(await thisWriter());
    await leave(directory, name, HOUR);
    await openStore(directory);
    expect(await readdir(join(directory, 'unfinished'))).toEqual([name]);
  });

  it('is removed if its pid now belongs to another process', async () => {
    const directory = await temporaryDirectory();
    const writer = await thisWriter();
    await leave(directory, unfinishedName({ ...writer, started: '1' }));
    await openStore(directory);
    expect(await readdir(join(directory, 'unfinished'))).toEqual([]);
  });

  it('of another machine or container is removed if nothing was written for long, but foreign files are kept', async () => {
    const directory = await temporaryDirectory();
    const elsewhere = { ...(await thisWriter()), machine: '0123456789abcdef' };
    const fresh = unfinishedName(elsewhere);
    await leave(directory, fresh);
    await leave(directory, unfinishedName(elsewhere), HOUR);
    await leave(directory, 'something', HOUR);
    await openStore(directory);
    expect((await readdir(join(directory, 'unfinished'))).sort()).toEqual([fresh, 'something']);
  });
});
