import type { Outcome } from '../targets/target.js';

/** An order to a process that runs inputs. */
export interface Task {
  readonly target: string;
  readonly seed: number;
  /** Numbers of inputs, `to` not among them. */
  readonly from: number;
  readonly to: number;
  /** A file to run in their place. */
  readonly file?: string;
  /** Whether garbage is collected before each, so that the memory measured is its own. */
  readonly alone?: boolean;
}

/** The outcome of one input. */
export interface Result {
  readonly index: number;
  readonly outcome: Outcome | 'failed';
  /** By the clock. */
  readonly milliseconds: number;
  /** Processor time, of background threads too. */
  readonly busyMilliseconds: number;
  /** At the peak. */
  readonly bytes: number;
  readonly size: number;
  /** The error's stack, for a failure. */
  readonly message?: string;
}

export type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly result: Result }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'done' };
