import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { BodyReader } from '../../../../src/http/requests/reading/body-reader.js';
import { TooManyObjectsError } from '../../../../src/http/requests/reading/parse-body.js';
import { PredictorUnavailableError } from '../../../../src/predictor/executor.js';

const LIMIT = 64 * 2 ** 20;

let reader: BodyReader;
afterEach(() => reader.close());

function readerOf(options: Partial<ConstructorParameters<typeof BodyReader>[0]> = {}): BodyReader {
  reader = new BodyReader({ bodyLimit: LIMIT, heapMegabytes: 160, timeoutMilliseconds: 60_000, ...options });
  return reader;
}

const never = () => new AbortController().signal;

const SMALL = '{"a": 1}';

const check = (text: string, client = '', signal = never()) =>
  reader.check(Buffer.from(text), client, signal);

/** Returns the ids of this process's children that run the reader. */
function children(): number[] {
  const lines = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  return lines
    .split('\n')
    .filter((line) => line.includes('reading/process'))
    .map((line) => Number.parseInt(line, 10));
}

describe('a process that reads bodies', () => {
  it('exists from the first body on, and reads the next', async () => {
    readerOf();
    expect(children()).toEqual([]);
    await check(SMALL);
    const [pid, ...others] = children();
    expect(others).toEqual([]);
    await check(SMALL);
    expect(children()).toEqual([pid]);
    await reader.close();
    await expect.poll(children).toEqual([]);
  });

  it('that runs out of memory for a body refuses only that body', async () => {
    readerOf({ heapMegabytes: 60 });
    const numbers = `[${'0.5,'.repeat(8e6)}0]`;
    const outcomes = await Promise.allSettled([check(SMALL), check(numbers), check(SMALL)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((outcomes[1] as PromiseRejectedResult).reason).toBeInstanceOf(TooManyObjectsError);
  });

  it('that is killed fails the body that it reads, and is replaced for the next', async () => {
    readerOf();
    await check(SMALL);
    const [pid] = children();
    process.kill(pid, 'SIGSTOP');
    const stopped = check(SMALL);
    const next = check(SMALL);
    setImmediate(() => process.kill(pid, 'SIGKILL'));
    await expect(stopped).rejects.toThrow(PredictorUnavailableError);
    await next;
  });

  it('that takes too long is ended, as is one that reads for a client that has disconnected', async () => {
    readerOf({ timeoutMilliseconds: 20 });
    // A new process takes longer than that to start.
    await expect(check(SMALL)).rejects.toThrow('no answer after 20 ms');
    await expect.poll(children).toEqual([]);
    readerOf();
    const gone = new AbortController();
    const left = check(SMALL, '', gone.signal);
    gone.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await check(SMALL);
  });

  it('reads bodies of all clients in turns', async () => {
    readerOf();
    const done: string[] = [];
    const of = (client: string) => check(SMALL, client).then(() => done.push(client));
    await Promise.all([of('a'), of('a'), of('a'), of('b'), of('c')]);
    expect(done).toEqual(['a', 'a', 'b', 'c', 'a']);
  });
});
