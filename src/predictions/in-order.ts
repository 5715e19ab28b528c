import { setImmediate } from 'node:timers/promises';
import { type Deferred, deferred } from '../async/deferred.js';
import { OverloadedError } from './admission.js';

/**
 * Calls `work` for each item, up to `atOnce` at a time, and yields the outcomes in the items' order. The next item
 * begins when the caller takes the oldest outcome. An item that is refused with an OverloadedError is tried again
 * whenever another item ends. If none is under way whose end could make room, that item and all later ones get the
 * error, and the later ones are not tried. Before each item, the event loop turns once, so that other requests are
 * served.
 *
 * @param release is called with outcomes that the caller no longer takes
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

/** The room that the items of one list share: each item that ends may leave some to another. */
class SharedRoom {
  #underWay = 0;
  /** Number of items that have ended. */
  #over = 0;
  #nextOver: Deferred<void> = deferred();
  #refusal: OverloadedError | null = null;

  /** Tries until there is room, or until no other item is left whose end could make room. */
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
      // It may have been refused just before another item ended.
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
