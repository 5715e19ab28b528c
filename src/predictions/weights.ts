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
 * A prediction's weights as bytes, of which none is written yet.
 *
 * @throws InvalidRequestError where they cannot be written down so; NotFoundError where no tensor fits the pattern
 */
export function weightsSource(
  record: PredictionRecord,
  tensors: readonly TensorSource[],
  representation: Representation,
): ByteSource {
  const { format, dtype, pattern, slice } = representation;
  const fault = representationFault(representation, record.request.postprocess !== null);
  if (fault) throw new InvalidRequestError([fault]);
  const chosen = pattern ? tensors.filter(({ name }) => pattern.matches(name)) : tensors;
  if (pattern && chosen.length === 0) throw new NotFoundError(`no tensor's name fits ${pattern.text}`);
  const parts = slice ? chosen.map((tensor) => sliceTensor(tensor, slice)) : chosen;
  return file(format, dtype, parts, metadata(record));
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

/** Strings, as safetensors demands. The same for all who ask for the same id, whatever their service calls the GHN. */
function metadata({ id, request, ghn, architecture }: PredictionRecord): Record<string, string> {
  return {
    format: 'pt',
    ...(request.ghn !== null && { ghn: request.ghn }),
    ghn_digest: ghn.digest,
    architecture: architecture.name,
    postprocess: JSON.stringify(request.postprocess),
    prediction: id,
  };
}
