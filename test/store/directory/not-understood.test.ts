import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DirectoryStore } from '../../../src/store/directory/directory-store.js';
import { seal, unseal } from '../../../src/store/sealed-json.js';
import { NotUnderstoodError, StoreRefusedError } from '../../../src/store/store.js';
import { idOf, samplePrediction, versionOf } from '../samples.js';
import { temporaryDirectory } from './setup.js';

const OPTIONS = { maxBytes: 1e9 };

/** Contents of a record's file. */
type Body = { readonly record: { readonly request: object; readonly engine: string } };

/** A directory with the stored prediction 1. */
async function stored(): Promise<string> {
  const directory = await temporaryDirectory();
  const store = await DirectoryStore.open(directory, OPTIONS);
  await store.save(samplePrediction(1));
  await store.close();
  return directory;
}

const recordOf = (directory: string) => join(directory, 'predictions', idOf(1), 'record.json');

async function rewrite(file: string, change: (body: Body) => object): Promise<void> {
  const body = unseal(await readFile(file), file) as Body;
  await writeFile(file, seal(change(body)));
}

async function contents(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort();
}

const OTHERS: Readonly<Record<string, (body: Body) => object>> = {
  'a higher layout': (body) => ({ ...body, layout: 2 }),
  'an unknown format': (body) => {
    const { record } = body;
    return { ...body, record: { ...record, request: { ...record.request, format: 'future' } } };
  },
  'a record without a field that this version needs': (body) => {
    const { engine: _, ...record } = body.record;
    return { ...body, record };
  },
};

describe('a prediction of another version', () => {
  it.each(Object.entries(OTHERS))('is kept and not served: %s', async (_, change) => {
    const directory = await stored();
    await rewrite(recordOf(directory), change);
    const before = await readFile(recordOf(directory));
    const problems: Error[] = [];
    const store = await DirectoryStore.open(directory, {
      ...OPTIONS,
      onProblem: (problem) => problems.push(problem),
    });
    expect(await store.record(idOf(1))).toBeNull();
    expect((await store.list({ limit: 10 })).records).toEqual([]);
    expect(problems).toEqual([expect.any(NotUnderstoodError)]);
    await expect(store.save(samplePrediction(1))).rejects.toThrow('another version');
    await store.close();
    expect(await readFile(recordOf(directory))).toEqual(before);
  });

  it('is served again by the version that wrote it', async () => {
    const directory = await stored();
    const whole = await readFile(recordOf(directory));
    await rewrite(recordOf(directory), OTHERS['a higher layout']);
    await (await DirectoryStore.open(directory, OPTIONS)).close();
    await writeFile(recordOf(directory), whole);
    const store = await DirectoryStore.open(directory, OPTIONS);
    expect(await store.record(idOf(1))).not.toBeNull();
    await store.close();
  });

  it('keeps its own fields when a record is amended', async () => {
    const directory = await stored();
    await rewrite(recordOf(directory), (body) => {
      const { record } = body;
      return { ...body, later: 1, record: { ...record, later: 2 } };
    });
    const store = await DirectoryStore.open(directory, OPTIONS);
    await store.amend(versionOf(1), () => ({ digest: 'sha256:0' }));
    await store.close();
    expect(unseal(await readFile(recordOf(directory)), 'it')).toMatchObject({
      later: 1,
      record: { later: 2, digest: 'sha256:0' },
    });
  });
});

describe('foreign files', () => {
  it('stay in a store, whatever their names are', async () => {
    const directory = await stored();
    await mkdir(join(directory, 'predictions', '0123456789abcdef'));
    await writeFile(join(directory, 'predictions', '0123456789abcdef', 'logits.npy'), 'months of work');
    await writeFile(join(directory, 'predictions', 'notes.txt'), 'notes');
    await mkdir(join(directory, 'unfinished', 'a thesis'));
    await writeFile(join(directory, 'unfinished', 'a thesis', 'chapter.tex'), 'years of work');
    const old = new Date(0);
    await utimes(join(directory, 'unfinished', 'a thesis'), old, old);
    const before = await contents(directory);
    const store = await DirectoryStore.open(directory, OPTIONS);
    expect((await store.list({ limit: 10 })).records).toHaveLength(1);
    await store.close();
    expect(await contents(directory)).toEqual(before);
  });

  it('are kept in the place of a prediction’s folder, and reported', async () => {
    const directory = await stored();
    await mkdir(join(directory, 'predictions', idOf(2)));
    await writeFile(join(directory, 'predictions', idOf(3)), 'a file');
    const problems: Error[] = [];
    const store = await DirectoryStore.open(directory, {
      ...OPTIONS,
      onProblem: (problem) => problems.push(problem),
    });
    expect(problems).toEqual([expect.any(NotUnderstoodError), expect.any(NotUnderstoodError)]);
    await store.save(samplePrediction(2));
    await expect(store.save(samplePrediction(3))).rejects.toThrow('could not be stored');
    await store.close();
    expect(await readFile(join(directory, 'predictions', idOf(3)), 'utf8')).toBe('a file');
  });

  it('prevent a directory from becoming a store', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'thesis.tex'), 'years of work');
    await expect(DirectoryStore.open(directory, OPTIONS)).rejects.toThrow(
      /thesis\.tex.*name an empty directory/,
    );
    expect(await contents(directory)).toEqual(['thesis.tex']);
    const alike = await temporaryDirectory();
    await mkdir(join(alike, 'predictions', '0123456789abcdef'), { recursive: true });
    await writeFile(join(alike, 'predictions', '0123456789abcdef', 'logits.npy'), 'months of work');
    await expect(DirectoryStore.open(alike, OPTIONS)).rejects.toThrow(StoreRefusedError);
  });

  it('do not include an older store without a marker, nor a new volume', async () => {
    const directory = await stored();
    await rm(join(directory, 'ghn-serve-store.json'));
    const store = await DirectoryStore.open(directory, OPTIONS);
    expect((await store.list({ limit: 10 })).records).toHaveLength(1);
    await store.close();
    const volume = await temporaryDirectory();
    await mkdir(join(volume, 'lost+found'));
    await (await DirectoryStore.open(volume, OPTIONS)).close();
  });
});

describe('the lock of a store', () => {
  it('keeps a second service out until the first has stopped', async () => {
    const directory = await stored();
    const store = await DirectoryStore.open(directory, OPTIONS);
    await expect(DirectoryStore.open(directory, OPTIONS)).rejects.toThrow(/another ghn-serve uses the store/);
    await store.close();
    await (await DirectoryStore.open(directory, OPTIONS)).close();
  });

  it('does not outlive a process that was killed', async () => {
    const directory = await stored();
    const holder = fileURLToPath(new URL('./lock-holder.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', holder, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await expect(DirectoryStore.open(directory, OPTIONS)).rejects.toThrow(StoreRefusedError);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await DirectoryStore.open(directory, OPTIONS)).close();
  });

  it('of a process on another machine is respected while its heartbeat is fresh', async () => {
    const directory = await stored();
    const lock = join(directory, 'lock');
    await writeFile(lock, '{"holder":"0123456789abcdef-1-1-00000000-0000-0000-0000-000000000000"}\n');
    await expect(DirectoryStore.open(directory, OPTIONS)).rejects.toThrow(
      /if it is gone already, try again in \d+ s/,
    );
    const old = new Date(Date.now() - 60_000);
    await utimes(lock, old, old);
    await (await DirectoryStore.open(directory, OPTIONS)).close();
  });
});

describe('a lowered limit', () => {
  it('reports what will be evicted before it is', async () => {
    const directory = await stored();
    const problems: string[] = [];
    const store = await DirectoryStore.open(directory, {
      maxBytes: 1,
      onProblem: ({ message }) => problems.push(message),
    });
    expect(problems[0]).toMatch(
      /the store holds \d+ bytes, more than STORE_MAX_BYTES \(1\): the 1 least recently used/,
    );
    await store.close();
  });
});
