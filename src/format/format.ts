import type { Dtype } from '../tensor/dtype.js';
import type { TensorSource } from '../tensor/tensor.js';
import type { ByteSource } from './layout.js';

/** A file format for weights. All that depends on the format is here; `formats.ts` lists the formats. */
export interface FileFormat {
  /** The format's name in requests. */
  readonly name: string;
  /** The ending of file names, without the dot. */
  readonly ending: string;
  /** The element types that the format supports. */
  readonly dtypes: readonly Dtype[];
  /** True if a file may hold some of a prediction's tensors, or one rank's part of each. */
  readonly holdsParts: boolean;
  /** True if the format supports post-processed weights. */
  readonly holdsPostprocessed: boolean;
  /**
   * Returns the file, without writing any of it.
   *
   * @param dtype one of `dtypes`
   * @param metadata strings by name; formats without a place for them leave them out
   * @param checksums of these tensors as written in that type
   */
  write(
    tensors: readonly TensorSource[],
    dtype: Dtype,
    metadata: Readonly<Record<string, string>>,
    checksums?: Checksums,
  ): ByteSource;
}

/** Checksums of tensors' bytes by the tensors' names. Each is computed once while it is kept. */
export interface Checksums {
  of(name: string, compute: () => Promise<number>): Promise<number>;
}
