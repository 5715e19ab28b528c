import type fc from 'fast-check';

/** The outcome of an input. Any other outcome is a thrown error, and so a finding. */
export type Outcome = 'accepted' | 'refused';

/** Limit of the peak memory while one input is read, and the reason for it. */
export interface MemoryBound {
  readonly constant: number;
  /** Bytes per byte of the input. */
  readonly factor: number;
  readonly reason: string;
}

/** A target that is ready to run inputs. */
export interface Opened {
  /** Throws if the input leads to anything except an answer or a documented refusal. */
  run(input: Buffer): Promise<Outcome>;
  close(): Promise<void>;
}

/** A part of the service that receives bytes from strangers. */
export interface Target {
  readonly name: string;
  /** Its share of all inputs, in percent. */
  readonly share: number;
  readonly memory: MemoryBound;
  /** `corpus` is the content of the target's folder. */
  inputs(corpus: readonly Buffer[]): fc.Arbitrary<Buffer>;
  /** Returns a valid input. */
  readonly valid: () => Buffer;
  open(): Promise<Opened>;
}

const MIB = 2 ** 20;

/** Allowance for garbage that is not collected yet, and for the growth of the process itself. */
export const GARBAGE_BYTES = 96 * MIB;
