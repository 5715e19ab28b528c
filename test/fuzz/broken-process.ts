import type { Message, Task } from '../../proof/fuzz/runner/protocol.js';

/** Simulates a parser that fails in every possible way. The number of an input determines how. */
process.once('message', ({ from, to }: Task) => {
  const send = (message: Message) => process.send?.(message);
  send({ kind: 'ready' });
  for (let index = from; index < to; index++) {
    if (index === 1) for (;;);
    if (index === 3) process.abort();
    if (index === 5) {
      const taken: unknown[][] = [];
      for (;;) taken.push(new Array(1e6).fill(index));
    }
    const nothing = { milliseconds: 0, busyMilliseconds: 0, bytes: 0, size: 0 };
    send({ kind: 'result', result: { index, outcome: 'refused', ...nothing } });
  }
  process.send?.({ kind: 'done' } satisfies Message, () => process.exit());
});
