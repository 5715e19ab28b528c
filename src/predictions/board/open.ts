import type { Executor } from '../../predictor/executor.js';
import type { PredictionStore } from '../../store/store.js';
import type { Admission, Refusal } from '../admission.js';
import type { PredictionObserver } from '../observer.js';
import type { Planner } from '../planning/planner.js';
import type { JobBoard } from './board.js';
import type { SharedCounts } from './bull/shared-counts.js';
import { MemoryBoard } from './memory-board.js';

/** The role of a service: `api` accepts requests, `worker` computes predictions, `all` does both. */
export type Role = 'all' | 'api' | 'worker';

export interface OpenBoardOptions {
  /** `memory`, or the address of a Redis server. */
  readonly queue: string;
  readonly role: Role;
  readonly admission: Admission;
  readonly executor: Executor;
  readonly store: PredictionStore;
  readonly observer: PredictionObserver;
  readonly maxQueue: number;
  readonly maxWaitMilliseconds: number;
  readonly memoryBytes: () => number;
  readonly onRefusal: (reason: Refusal) => void;
  /** Plans jobs that come from other processes. */
  readonly planner: Planner;
}

export interface OpenBoard {
  readonly board: JobBoard;
  /** The executor whose description predictions are planned with. */
  readonly executor: Executor;
  /** Request counts that all services of the queue share. */
  readonly shared?: SharedCounts;
}

/** Opens the board of this process, or the one that it shares with others. */
export async function openBoard({ queue, role, executor, ...options }: OpenBoardOptions): Promise<OpenBoard> {
  if (queue === 'memory') return { board: new MemoryBoard({ ...options, executor }), executor };
  // Imported here, since a single process does not need it.
  const { BullBoard } = await import('./bull/bull-board.js');
  const isAsked = role !== 'worker';
  const board = new BullBoard({ ...options, url: queue, isAsked, ...(role !== 'api' && { executor }) });
  board.start();
  return { board, executor: role === 'api' ? board.fleet : executor, shared: board.counts };
}
