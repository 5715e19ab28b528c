import type { Outcome } from '../targets/target.js';

/** A task for a process that runs inputs. */
export interface Task {
  readonly target: string;
  readonly seed: number;
  /** Numbers of the inputs, from the first to the one before `to`. */
  readonly from: number;
  readonly to: number;
  /** A file to run instead. */
  readonly file?: string;
  /** True if garbage is collected before each input, so that the measured memory is its own. */
  readonly alone?: boolean;
}

/** The outcome of one input. */
export interface Result {
  readonly index: number;
  readonly outcome: Outcome | 'failed';
  /** Wall-clock time. */
  readonly milliseconds: number;
  /** Processor time, including that of background threads. */
  readonly busyMilliseconds: number;
  /** Peak memory. */
  readonly bytes: number;
  readonly size: number;
  /** The stack of the error, if the input failed. */
  readonly message?: string;
}

export type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly result: Result }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'done' };
