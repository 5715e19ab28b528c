import type fc from 'fast-check';

/** The outcome of an input. Any other outcome is a thrown error, and so a finding. */
export type Outcome = 'accepted' | 'refused';

/** How much memory reading one input may take at its peak, and why that much. */
export interface MemoryBound {
  readonly constant: number;
  /** Bytes for each byte of the input. */
  readonly factor: number;
  readonly reason: string;
}

/** A target that is set up. */
export interface Opened {
  /** Throws where the input leads to anything but an answer or a documented refusal. */
  run(input: Buffer): Promise<Outcome>;
  close(): Promise<void>;
}

/** One way into the service that strangers' bytes take. */
export interface Target {
  readonly name: string;
  /** Its part of all inputs, in percent. */
  readonly share: number;
  readonly memory: MemoryBound;
  /** `corpus` is what the target's folder holds. */
  inputs(corpus: readonly Buffer[]): fc.Arbitrary<Buffer>;
  /** An input that is as it should be. */
  readonly valid: () => Buffer;
  open(): Promise<Opened>;
}

const MIB = 2 ** 20;

/** Allowance for garbage that is not collected yet, and for a process's own growth. */
export const GARBAGE_BYTES = 96 * MIB;
