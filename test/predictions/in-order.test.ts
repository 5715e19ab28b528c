import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Deferred, deferred } from '../../src/async/deferred.js';
import { OverloadedError } from '../../src/predictions/admission.js';
import { inOrder } from '../../src/predictions/in-order.js';

const refusal = () => new OverloadedError('queue', 1, 'there is no room');

/** A queue on another machine: its answers take a while, and those to requests of the same time come in any order. */
class FarQueue {
  most = 0;
  tried = 0;
  #free: number;
  #begun = 0;

  constructor(free: number) {
    this.#free = free;
  }

  async make(name: string): Promise<string> {
    this.tried++;
    await this.#away();
    if (this.#free === 0) {
      await this.#away();
      throw refusal();
    }
    this.#free--;
    this.most = Math.max(this.most, ++this.#begun);
    await this.#away();
    this.#begun--;
    this.#free++;
    await this.#away();
    return name;
  }

  /** One to seven turns of the loop, the same in every run. */
  async #away(): Promise<void> {
    for (let turns = 1 + ((this.tried * 5) % 7); turns > 0; turns--) await setImmediate();
  }
}

async function all<T>(outcomes: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const outcome of outcomes) got.push(outcome);
  return got;
}

const names = (count: number) => Array.from({ length: count }, (_, k) => `network ${k}`);

describe('the entries of a list', () => {
  it.each([1, 2, 3, 8])('all get their turn in a queue with room for %i of them', async (room) => {
    const queue = new FarQueue(room);
    const asked = names(60);
    const got = await all(
      inOrder(
        asked,
        8,
        (name) => queue.make(name),
        () => {},
      ),
    );
    expect(got).toEqual(asked);
    expect(queue.most).toBe(room);
  });

  it('are refused if there is no room and none of them is in progress, which is checked once', async () => {
    const queue = new FarQueue(0);
    const work = (name: string) => queue.make(name);
    const got = await all(inOrder(names(60), 1, work, () => {}));
    expect(got).toHaveLength(60);
    for (const outcome of got) expect(outcome).toBeInstanceOf(OverloadedError);
    expect(queue.tried).toBe(1);
  });

  it('keep their order, each with its own error', async () => {
    const faults = new Map(names(9).map((name, k) => [name, k % 3 === 1 ? new Error(name) : null]));
    const work = (name: string) => {
      const fault = faults.get(name);
      if (fault) throw fault;
      return Promise.resolve(name);
    };
    const got = await all(inOrder(names(9), 4, work, () => {}));
    expect(got).toEqual(names(9).map((name) => faults.get(name) ?? name));
  });

  it('are released if the client leaves', async () => {
    const made = new Map<string, Deferred<string>>(names(4).map((name) => [name, deferred<string>()]));
    const released: string[] = [];
    const outcomes = inOrder(
      names(4),
      4,
      (name) => made.get(name)!.promise,
      (name) => released.push(name),
    );
    const first = outcomes.next();
    made.get('network 0')!.resolve('network 0');
    expect((await first).value).toBe('network 0');
    await outcomes.return(undefined);
    for (const [name, { resolve }] of made) resolve(name);
    await expect.poll(() => released).toEqual(['network 1', 'network 2', 'network 3']);
  });
});
