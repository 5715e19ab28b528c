import { setImmediate } from 'node:timers/promises';
import { type Deferred, deferred } from '../async/deferred.js';
import { OverloadedError } from './admission.js';

/**
 * Does something with each of many, a few at a time, and gives the outcomes in their order: another is begun when the first
 * of those under way has been taken. One for which there is no room is tried again whenever another of them is over; where
 * none is under way that could make room, there is none for those behind it either, which are not tried. Others have their turn
 * between any two.
 *
 * @param release is called with what nobody takes any more
 */
export async function* inOrder<In, Out>(
  all: readonly In[],
  atOnce: number,
  work: (each: In) => Promise<Out>,
  release: (out: Out) => void,
): AsyncGenerator<Out | Error> {
  const room = new SharedRoom();
  const running: Promise<Out | Error>[] = [];
  const waiting = [...all];
  const begin = async (each: In): Promise<Out | Error> => {
    await setImmediate();
    return room.use(() => work(each));
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

/** The room that those of one list have together: each that is over may leave some to another. */
class SharedRoom {
  #underWay = 0;
  /** How many were over up to now. */
  #over = 0;
  #nextOver: Deferred<void> = deferred();
  #refusal: OverloadedError | null = null;

  /** Tries until there is room, and none can come any more. */
  async use<Out>(work: () => Promise<Out>): Promise<Out | Error> {
    while (!this.#refusal) {
      const overBefore = this.#over;
      this.#underWay++;
      const outcome = await settled(work);
      this.#underWay--;
      if (!(outcome instanceof OverloadedError)) {
        this.#tell();
        return outcome;
      }
      // It may have been refused just before another one was over.
      if (this.#over > overBefore) continue;
      if (this.#underWay > 0) {
        await this.#nextOver.promise;
        continue;
      }
      this.#refusal = outcome;
      this.#tell();
    }
    return this.#refusal;
  }

  #tell(): void {
    const told = this.#nextOver;
    this.#over++;
    this.#nextOver = deferred();
    told.resolve();
  }
}

async function settled<Out>(work: () => Promise<Out>): Promise<Out | Error> {
  try {
    return await work();
  } catch (error) {
    return error as Error;
  }
}
