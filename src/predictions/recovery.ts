import { type Executor, PredictorUnavailableError } from '../predictor/executor.js';
import type { PredictionStore, StoredPrediction } from '../store/store.js';
import { tensorSource } from '../tensor/tensor.js';
import type { JobBoard, MadeNetwork, Submitted } from './board/board.js';
import { NotFoundError } from './errors.js';
import { LastingTensors, type Reading } from './lasting-tensors.js';
import type { PredictionObserver } from './observer.js';
import type { Planner } from './planning/planner.js';

/**
 * A client that still reads a prediction from memory this long after it was stored continues from the store. That
 * frees memory for new predictions.
 */
export const READING_FROM_MEMORY_MS = 3000;

export interface RecoveryOptions {
  readonly executor: Executor;
  readonly store: PredictionStore;
  readonly board: JobBoard;
  readonly observer: PredictionObserver;
  readonly planner: Planner;
}

/** Makes predictions again that the store finds corrupt, both for the clients that read them and for the store. */
export class Recovery {
  readonly #options: RecoveryOptions;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /**
   * Opens a stored prediction whose tensors can be read to their end, even if its files turn out corrupt in the
   * meantime; null if it is not stored. A read rejects if the prediction is corrupt and cannot be made again.
   */
  async open(id: string): Promise<Pick<StoredPrediction, 'record' | 'tensors' | 'body' | 'release'> | null> {
    const stored = await this.#options.store.open(id);
    if (!stored) return null;
    const lasting = new LastingTensors(readingOf(stored), () => this.#replacement(id));
    const { record, body } = stored;
    return { record, body, tensors: lasting.tensors, release: () => lasting.release() };
  }

  /** The tensors of a prediction that was just made: from memory, and later from the store for slow clients. */
  openMade(made: MadeNetwork): Pick<StoredPrediction, 'tensors' | 'release'> {
    const { store } = this.#options;
    const { id } = made.record;
    const lasting = new LastingTensors(madeReading(made, store), () => this.#replacement(id), {
      isSound: true,
    });
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const move = async () => {
      timer = undefined;
      const stored = await store.open(id).catch(() => null);
      if (!stored) return;
      // If another service stored its own weights first, they may have other bits.
      if (stored.record.generation === made.record.generation) lasting.move(readingOf(stored));
      else stored.release();
    };
    void made.settled.then(() => {
      if (!isOver) timer = setTimeout(move, READING_FROM_MEMORY_MS).unref();
    });
    const release = () => {
      isOver = true;
      clearTimeout(timer);
      lasting.release();
    };
    return { tensors: lasting.tensors, release };
  }

  /** Returns true if a prediction was found corrupt and has to be made again. Its readers wait for that. */
  async isLost(id: string): Promise<boolean> {
    return (await this.#options.store.remains(id)) !== null;
  }

  /**
   * Starts to make a prediction again that was found corrupt; null if it was not.
   *
   * @throws NotFoundError if it cannot be made again; OverloadedError, PredictorUnavailableError
   */
  async begin(id: string): Promise<Submitted | null> {
    const { store, board, executor, observer, planner } = this.#options;
    const remains = await store.remains(id);
    if (!remains) return null;
    const { description } = executor;
    if (!description) throw new PredictorUnavailableError('the GHNs are being loaded');
    const submitted = await board.submit(await planner.again(remains, description));
    if (submitted.isNew) observer.remade(submitted.record);
    return submitted;
  }

  /** Finds the source from which reading continues after a stored prediction turned out corrupt. */
  async #replacement(id: string): Promise<Reading> {
    const { store } = this.#options;
    // Another client may have met the fault earlier, so that the prediction is stored again.
    const stored = await store.open(id);
    if (stored) return readingOf(stored);
    const made = await (await this.begin(id))?.made();
    if (made) return madeReading(made, store);
    const again = await store.open(id);
    if (again) return readingOf(again);
    throw new NotFoundError(
      `the prediction ${JSON.stringify(id)} was found corrupt in the store and removed; send the request again`,
    );
  }
}

/** Reads tensors from memory, which are kept until they are released. */
function madeReading({ tensors, hold }: MadeNetwork, store: PredictionStore): Reading {
  return { tensors: tensors.map(tensorSource), checksums: () => store.checksums(tensors), release: hold() };
}

function readingOf({ tensors, checksums, release }: StoredPrediction): Reading {
  return { tensors, checksums: () => checksums, release };
}
