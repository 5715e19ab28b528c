import { setImmediate } from 'node:timers/promises';
import { OverloadedError } from './admission.js';

/**
 * Does something with each of many, a few at a time, and gives the outcomes in their order: another is begun when the first
 * of those under way has been taken. One for which there is no room is tried again as each of those before it is over; where
 * there is none for it then, there is none for those behind it, which are not tried. Others have their turn between any two.
 *
 * @param release is called with what nobody takes any more
 */
export async function* inOrder<In, Out>(
  all: readonly In[],
  atOnce: number,
  work: (each: In) => Promise<Out>,
  release: (out: Out) => void,
): AsyncGenerator<Out | Error> {
  const running: Promise<Out | Error>[] = [];
  const waiting = [...all];
  let refusal: OverloadedError | null = null;
  const begin = async (each: In): Promise<Out | Error> => {
    const others = [...running];
    await setImmediate();
    const outcome = refusal ?? (await patiently(() => work(each), others));
    if (outcome instanceof OverloadedError) refusal = outcome;
    return outcome;
  };
  try {
    while (waiting.length > 0 || running.length > 0) {
      while (running.length < atOnce && waiting.length > 0) {
        running.push(begin(waiting.shift()!));
      }
      const first = await running[0];
      void running.shift();
      yield first;
    }
  } finally {
    for (const each of running) void each.then((out) => out instanceof Error || release(out));
  }
}

/** Tries again, where there was no room, when each of the others is over. */
async function patiently<Out>(
  work: () => Promise<Out>,
  others: readonly Promise<unknown>[],
): Promise<Out | Error> {
  for (let tried = 0; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof OverloadedError) || tried >= others.length) return error as Error;
      await others[tried];
    }
  }
}
