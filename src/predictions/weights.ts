import { createHash } from 'node:crypto';
import type { Fault } from '../architecture/faults.js';
import type { ByteSource } from '../format/layout.js';
import { npz } from '../format/npz.js';
import type { NamePattern } from '../format/pattern.js';
import { safetensors } from '../format/safetensors.js';
import { type Slice, sliceTensor } from '../format/slice.js';
import { tiled } from '../format/tiled.js';
import type { Dtype } from '../tensor/dtype.js';
import type { TensorSource } from '../tensor/tensor.js';
import { InvalidRequestError, NotFoundError } from './errors.js';
import type { Format, PredictionRecord } from './record.js';

/** One way of writing a prediction's weights down. */
export interface Representation {
  readonly format: Format;
  readonly dtype: Dtype;
  /** These tensors alone. */
  readonly pattern?: NamePattern;
  /** Of each tensor the part of one rank. */
  readonly slice?: Slice;
}

export interface WeightsFile {
  readonly source: ByteSource;
  readonly fileName: string;
  /** Strong: the same for the same bytes. */
  readonly etag: string;
}

/** Why weights cannot be written down so; null where they can. */
export function representationFault(
  { format, dtype }: Pick<Representation, 'format' | 'dtype'>,
  isPostprocessed: boolean,
): Fault | null {
  if (format === 'npz' && dtype === 'BF16') {
    return { path: '/dtype', message: 'numpy has no BF16: take F32 or F16, or the format safetensors' };
  }
  if (format === 'tiled' && isPostprocessed) {
    return { path: '/format', message: 'what is post-processed is not tiled: take safetensors' };
  }
  return null;
}

/**
 * A prediction's weights as a file, of which nothing is written yet.
 *
 * @throws InvalidRequestError where they cannot be written down so; NotFoundError where no tensor fits the pattern
 */
export function weightsFile(
  record: PredictionRecord,
  tensors: readonly TensorSource[],
  representation: Representation,
): WeightsFile {
  const { format, dtype, pattern, slice } = representation;
  const fault = representationFault(representation, record.request.postprocess !== null);
  if (fault) throw new InvalidRequestError([fault]);
  const chosen = pattern ? tensors.filter(({ name }) => pattern.matches(name)) : tensors;
  if (pattern && chosen.length === 0) throw new NotFoundError(`no tensor's name fits ${pattern.text}`);
  const parts = slice ? chosen.map((tensor) => sliceTensor(tensor, slice)) : chosen;
  return {
    source: file(format, dtype, parts, metadata(record)),
    fileName: `${fileStem(record.architecture.name)}.${format === 'npz' ? 'npz' : 'safetensors'}`,
    etag: `"${record.id}.${format}.${dtype}${part(representation)}"`,
  };
}

function file(
  format: Format,
  dtype: Dtype,
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>>,
): ByteSource {
  if (format === 'tiled') return tiled(tensors, dtype, metadata);
  if (format === 'npz' && dtype !== 'BF16') return npz(tensors, dtype);
  return safetensors(tensors, dtype, metadata);
}

function metadata({ id, request, ghn, architecture }: PredictionRecord): Record<string, string> {
  return {
    format: 'pt',
    ghn: ghn.id,
    ghn_digest: ghn.digest,
    architecture: architecture.name,
    postprocess: JSON.stringify(request.postprocess),
    prediction: id,
  };
}

/** What of an etag says which part of the weights it is of. */
function part({ pattern, slice }: Representation): string {
  if (!pattern && !slice) return '';
  const text = JSON.stringify([pattern?.text, slice?.rank, slice?.worldSize, slice?.dim]);
  return `.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/** A name as it is safe in a header and on any file system. */
function fileStem(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, '_').slice(0, 100) || 'weights';
}
