import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Queue, Turn } from '../../src/async/queue.js';

const never = () => new AbortController().signal;

/** Returns a task that ends when the test ends it. */
function task(name: string, log: string[]) {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const run = async () => {
    log.push(`${name} begins`);
    await ended;
    log.push(`${name} ends`);
    return name;
  };
  return { run, end };
}

describe('a queue', () => {
  it('runs one task at a time, in the order in which they arrived', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }), async (turns) => {
        const queue = new Queue();
        const started: number[] = [];
        let running = 0;
        await Promise.all(
          turns.map((count, index) =>
            queue.run(async () => {
              started.push(index);
              expect(++running).toBe(1);
              for (let k = 0; k < count; k++) await setImmediate();
              running--;
            }, never()),
          ),
        );
        expect(started).toEqual(turns.map((_, index) => index));
        expect(queue.busy).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('gives the number of waiting tasks', async () => {
    const queue = new Queue();
    const log: string[] = [];
    const tasks = ['a', 'b', 'c'].map((name) => task(name, log));
    const results = tasks.map(({ run }) => queue.run(run, never()));
    expect(queue.depth).toBe(2);
    for (const { end } of tasks) end();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c']);
    expect(queue.depth).toBe(0);
  });

  it('continues after a task that fails', async () => {
    const queue = new Queue();
    const failed = queue.run(() => Promise.reject(new Error('broken')), never());
    const next = queue.run(async () => 'next', never());
    await expect(failed).rejects.toThrow('broken');
    expect(await next).toBe('next');
  });

  it('removes a waiting task when its signal is aborted, and never starts it', async () => {
    const queue = new Queue();
    const log: string[] = [];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => task(name, log));
    const controller = new AbortController();
    const first = queue.run(a.run, never());
    const second = queue.run(b.run, controller.signal);
    const third = queue.run(c.run, never());
    controller.abort(new Error('not wanted any more'));
    await expect(second).rejects.toThrow('not wanted any more');
    expect(queue.depth).toBe(1);
    a.end();
    c.end();
    await Promise.all([first, third]);
    expect(log).toEqual(['a begins', 'a ends', 'c begins', 'c ends']);
  });

  it('does not start a task whose signal is aborted already', async () => {
    const log: string[] = [];
    const run = new Queue().run(task('a', log).run, AbortSignal.abort(new Error('too late')));
    await expect(run).rejects.toThrow('too late');
    expect(log).toEqual([]);
  });

  it('leaves the signal to a running task', async () => {
    const queue = new Queue();
    const log: string[] = [];
    const a = task('a', log);
    const controller = new AbortController();
    const run = queue.run(a.run, controller.signal);
    controller.abort();
    a.end();
    expect(await run).toBe('a');
  });

  it('starts no other task between a task and the one that waits for it', async () => {
    const queue = new Queue();
    const order: string[] = [];
    const first = queue.run(async () => order.push('first'), never());
    const second = queue.run(async () => order.push('second'), never());
    const late = first.then(() => queue.run(async () => order.push('late'), never()));
    await Promise.all([first, second, late]);
    expect(order).toEqual(['first', 'second', 'late']);
  });

  it('gives clients turns, however many tasks each of them brings', async () => {
    const client = fc.constantFrom('a', 'b', 'c', 'd');
    await fc.assert(
      fc.asyncProperty(fc.array(client, { minLength: 1, maxLength: 30 }), async (clients) => {
        const queue = new Queue();
        const first = task('first', []);
        const begun: string[] = [];
        const all = [queue.run(first.run, never())];
        for (const each of clients) {
          all.push(queue.run(async () => String(begun.push(each)), never(), new Turn(each)));
        }
        first.end();
        await Promise.all(all);
        // Between two tasks of one client, each waiting client has exactly one turn.
        begun.forEach((each, at) => {
          const next = begun.indexOf(each, at + 1);
          if (next < 0) return;
          const between = begun.slice(at + 1, next);
          expect(new Set(between).size).toBe(between.length);
          for (const other of new Set(begun.slice(next + 1))) {
            if (other !== each) expect(between).toContain(other);
          }
        });
        expect([...begun].sort()).toEqual([...clients].sort());
      }),
    );
  });

  it('runs a task that several clients wait for at the earliest of their turns', async () => {
    const queue = new Queue();
    const log: string[] = [];
    const first = task('first', log);
    const run = (name: string, turn: Turn) =>
      queue.run(
        async () => {
          log.push(name);
        },
        never(),
        turn,
      );
    const shared = new Turn('a');
    const all = [
      queue.run(first.run, never()),
      run('a1', new Turn('a')),
      run('a2', new Turn('a')),
      run('a3', shared),
      run('b1', new Turn('b')),
    ];
    shared.join('c');
    shared.join('c');
    expect(queue.depth).toBe(4);
    first.end();
    await Promise.all(all);
    expect(log).toEqual(['first begins', 'first ends', 'a1', 'b1', 'a3', 'a2']);
    expect(queue.depth).toBe(0);
    shared.join('d');
    expect(queue.depth).toBe(0);
  });
});
