import { execFileSync, spawn } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyGraph } from '../architecture/fixtures.js';
import { bytesOf, json, post, predicted } from '../helpers/http.js';
import { expectProblem } from '../helpers/problems.js';
import { startService, type TestService } from '../helpers/service.js';
import { unpack } from '../store/directory/setup.js';

/** More than the number of threads that read files. */
const STUCK = 6;

const body = (seed: number) => ({ architecture: tinyGraph(), seed });

let service: TestService;
beforeAll(async () => {
  service = await startService({ REQUEST_TIMEOUT_MS: '1500' });
});
afterAll(() => service.stop());

/**
 * Simulates a disk that does not answer: a pipe in place of a prediction's record, which can be read only when
 * something is written to it. Returns a function that makes it answer. That uses a separate process, since the threads
 * of this one are those of the service, and are stuck.
 */
async function stall(id: string): Promise<() => void> {
  const record = join(await unpack(service.store, id), 'record.json');
  renameSync(record, `${record}.aside`);
  execFileSync('mkfifo', [record]);
  return () => {
    spawn('sh', ['-c', 'cat "$0.aside" > "$0" && mv "$0.aside" "$0"', record]);
  };
}

describe.skipIf(process.platform === 'win32')('a disk that does not answer', () => {
  it('delays neither health, nor the engine, nor clients beyond their time limit', async () => {
    const { url } = service;
    const stored: string[] = [];
    for (let seed = 0; seed < STUCK; seed++) stored.push(await predicted(url, body(seed)));
    const expected = await bytesOf(await fetch(`${stored[0]}/weights`));
    for (const address of stored) await json(address);
    const ids = stored.map((address) => address.split('/').at(-1)!);
    const answers = await Promise.all(ids.map(stall));

    const reads = ids.map((id) => fetch(`${url}/predictions/${id}/weights`));
    // It is stored, but it is unknown when it can be read.
    const again = request(url).post('/predict').send(body(1)).then();
    for (const path of ['/livez', '/readyz']) {
      expect((await fetch(url + path)).status, path).toBe(200);
    }
    // It is made and answered, and stored once the disk answers again.
    const made = await post(url, body(99));
    expect(made.status).toBe(200);
    await bytesOf(made);
    expectProblem(await again, 503, { detail: 'there was no answer after 1500 ms; try again' });

    for (const read of reads) {
      const { status, headers } = await read;
      expect(status).toBe(503);
      expect(headers.has('retry-after')).toBe(true);
    }

    for (const answer of answers) answer();
    for (const [index, address] of stored.entries()) {
      const bytes = await bytesOf(await fetch(`${address}/weights`));
      if (index === 0) expect(bytes).toEqual(expected);
    }
    expect(await json(`${url}${made.headers.get('location')}`)).toMatchObject({ status: 'succeeded' });
  });
});
