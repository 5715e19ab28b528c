import { setTimeout } from 'node:timers/promises';

/** A request without an answer after this time counts as unanswered. */
const ANSWER_MS = 2000;

/** Number of unanswered requests in a row after which the server counts as silent: a single answer may be lost. */
const SILENCES = 2;

const PAUSE_MS = 500;

/**
 * Asks a server repeatedly, until it does not answer.
 *
 * @param ask rejects if the server does not answer
 * @param isOver stops the questions when it returns true
 * @returns true once the server was silent twice in a row; false if `isOver` came first
 */
export async function untilSilent(
  ask: (signal: AbortSignal) => Promise<unknown>,
  isOver: () => boolean,
): Promise<boolean> {
  let silences = 0;
  while (!isOver()) {
    const controller = new AbortController();
    const answered = ask(controller.signal).then(
      () => true,
      () => false,
    );
    const limit = setTimeout(ANSWER_MS, false, { ref: false });
    silences = (await Promise.race([answered, limit])) ? 0 : silences + 1;
    controller.abort();
    if (silences === SILENCES) return true;
    await setTimeout(PAUSE_MS, undefined, { ref: false });
  }
  return false;
}
