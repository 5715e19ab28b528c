import type { Dtype } from '../tensor/dtype.js';
import type { TensorSource } from '../tensor/tensor.js';
import type { ByteSource } from './layout.js';

/** A file format for weights. Everything that depends on the format is here; `formats.ts` lists them. */
export interface FileFormat {
  /** Its name in requests. */
  readonly name: string;
  /** The ending of its files' names, without the dot. */
  readonly ending: string;
  /** The element types that it can hold. */
  readonly dtypes: readonly Dtype[];
  /** Whether a file may hold some of a prediction's tensors, or one rank's part of each. */
  readonly holdsParts: boolean;
  /** Whether post-processed weights can be written in it. */
  readonly holdsPostprocessed: boolean;
  /**
   * The file, of which nothing is written yet.
   *
   * @param dtype one of `dtypes`
   * @param metadata strings by name; a format without a place for them leaves them out
   * @param checksums of these tensors as they are written in that type
   */
  write(
    tensors: readonly TensorSource[],
    dtype: Dtype,
    metadata: Readonly<Record<string, string>>,
    checksums?: Checksums,
  ): ByteSource;
}

/** Checksums of tensors' bytes by the tensors' names: each is computed once, for as long as they are kept. */
export interface Checksums {
  of(name: string, compute: () => Promise<number>): Promise<number>;
}
