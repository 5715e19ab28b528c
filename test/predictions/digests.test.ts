import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type ByteSource, ReadyBytes } from '../../src/format/layout.js';
import { Digests } from '../../src/predictions/digests.js';

const bytes = (length: number, seed: number) => Buffer.alloc(length).map((_, k) => (k * 31 + seed) & 0xff);
const sha256 = (content: Uint8Array) => `sha256:${createHash('sha256').update(content).digest('hex')}`;

const versionOf = (id: string) => ({ id, generation: null });

/** Digests of bodies in memory, and all that became of them. */
function digestsOf(bodies: Readonly<Record<string, Uint8Array>>, { isIdle = (): boolean => true } = {}) {
  const found = new Map<string, string>();
  const errors: string[] = [];
  let open = 0;
  const digests = new Digests({
    isIdle,
    open: async (id) => {
      const body = bodies[id];
      if (!body) return null;
      open++;
      return { source: new ReadyBytes(body), version: versionOf(id), release: () => void open-- };
    },
    done: async ({ id }, digest) => {
      found.set(id, digest);
    },
    onError: (error, id) => errors.push(`${id}: ${error.message}`),
  });
  return { digests, found, errors, stillOpen: () => open };
}

describe('digests', () => {
  it('are those of the bodies, including long and empty ones', async () => {
    const bodies = { empty: bytes(0, 0), short: bytes(10, 1), long: bytes(2 ** 20 * 2 + 17, 2) };
    const { digests, found, stillOpen } = digestsOf(bodies);
    for (const id of Object.keys(bodies)) digests.add(id);
    const expected = Object.fromEntries(Object.entries(bodies).map(([id, body]) => [id, sha256(body)]));
    await expect.poll(() => Object.fromEntries(found)).toEqual(expected);
    expect(stillOpen()).toBe(0);
  });

  it('wait while other work runs, until a client asks for one', async () => {
    const { digests, found } = digestsOf({ a: bytes(100, 1), b: bytes(100, 2) }, { isIdle: () => false });
    digests.add('a');
    digests.add('b');
    for (let k = 0; k < 20; k++) await setImmediate();
    expect(found.size).toBe(0);
    await digests.now('b');
    // And not those that were there before it.
    expect([...found.keys()]).toEqual(['b']);
    await digests.close();
  });

  it('are computed once for all clients that ask meanwhile', async () => {
    let reads = 0;
    const source: ByteSource = {
      byteLength: 3,
      copy: (_start, _end, target) => {
        reads++;
        target.set([1, 2, 3]);
      },
    };
    const digests = new Digests({
      isIdle: () => true,
      open: async (id) => ({ source, version: versionOf(id), release: () => {} }),
      done: async () => {},
      onError: (error) => {
        throw error;
      },
    });
    await Promise.all([digests.now('a'), digests.now('a'), digests.now('a')]);
    expect(reads).toBe(1);
  });

  it('of missing or unreadable bodies delay no others', async () => {
    const broken: ByteSource = { byteLength: 5, copy: () => Promise.reject(new Error('the disk is gone')) };
    const errors: string[] = [];
    let open = 0;
    const digests = new Digests({
      isIdle: () => true,
      open: async (id) => {
        if (id === 'gone') return null;
        open++;
        return { source: broken, version: versionOf(id), release: () => void open-- };
      },
      done: async () => {},
      onError: (error, id) => errors.push(`${id}: ${error.message}`),
    });
    await digests.now('gone');
    await digests.now('broken');
    expect(errors).toEqual(['broken: the disk is gone']);
    expect(open).toBe(0);
  });

  it('are given up when the service ends', async () => {
    const { digests, found, stillOpen } = digestsOf({ a: bytes(100, 1) }, { isIdle: () => false });
    digests.add('a');
    await setImmediate();
    await digests.close();
    expect(found.size).toBe(0);
    expect(stillOpen()).toBe(0);
  });
});
