import type { Fault } from '../architecture/faults.js';
import { RecentChecksums } from '../format/checksums.js';
import { type Format, formatOf, formatsThat } from '../format/find.js';
import type { ByteSource } from '../format/layout.js';
import type { NamePattern } from '../format/pattern.js';
import { type Slice, sliceTensor } from '../format/slice.js';
import type { PredictionRecord } from '../record/record.js';
import type { StoredBody } from '../store/store.js';
import type { Dtype } from '../tensor/dtype.js';
import { isTiled, type TensorSource, type TiledTensor, tensorSource } from '../tensor/tensor.js';
import { InvalidRequestError, NotFoundError } from './errors.js';

/** Checksums of the tensors that were last written; each takes about a hundred bytes. */
const CHECKSUMS = new RecentChecksums(200_000);

/** One way to write a prediction's weights. */
export interface Representation {
  readonly format: Format;
  readonly dtype: Dtype;
  /** Only tensors whose names match are written. */
  readonly pattern?: NamePattern;
  /** The part of each tensor that belongs to one rank of a distributed job. */
  readonly slice?: Slice;
}

/** Returns the reason why weights cannot be written in that format and dtype; null if they can. */
export function representationFault(
  { format, dtype }: Pick<Representation, 'format' | 'dtype'>,
  isPostprocessed: boolean,
): Fault | null {
  const { dtypes, holdsPostprocessed } = formatOf(format);
  if (!dtypes.includes(dtype)) {
    const others = formatsThat((other) => other.dtypes.includes(dtype));
    return {
      path: '/dtype',
      message: `${format} has no ${dtype}: take ${dtypes.join(' or ')}, or the format ${others}`,
    };
  }
  if (isPostprocessed && !holdsPostprocessed) {
    const others = formatsThat((other) => other.holdsPostprocessed);
    return { path: '/format', message: `post-processed weights cannot be ${format}: take ${others}` };
  }
  return null;
}

/**
 * A prediction's weights as bytes, which are written only as they are read.
 *
 * @throws InvalidRequestError if the weights cannot be written that way; NotFoundError if no tensor's name matches
 * the pattern
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
  if (pattern && chosen.length === 0) throw new NotFoundError(`no tensor's name matches ${pattern.text}`);
  const parts = slice ? chosen.map((tensor) => sliceTensor(tensor, slice)) : chosen;
  const isWhole = !pattern && !slice && record.generation !== null;
  const checksums = isWhole ? CHECKSUMS.of(`${record.id}.${record.generation}.${dtype}`) : undefined;
  return formatOf(format).write(parts, dtype, metadata(record), checksums);
}

/**
 * The bytes to put before the stored blocks so that both together are the body of a format in F32; undefined if the
 * blocks are not the body of any format.
 */
export async function bodyOfBlocks(
  record: PredictionRecord,
  tensors: readonly TiledTensor[],
): Promise<StoredBody | undefined> {
  const isWhole = tensors.every((tensor) => !isTiled(tensor));
  const format = record.request.postprocess === null ? 'tiled' : isWhole ? 'safetensors' : null;
  if (!format) return undefined;
  const source = weightsSource(record, tensors.map(tensorSource), { format, dtype: 'F32' });
  const blocks = tensors.reduce((sum, { block }) => sum + block.byteLength, 0);
  const head = new Uint8Array(source.byteLength - blocks);
  await source.copy(0, head.length, head, 0);
  return { format, head };
}

/**
 * Metadata of the weights file: strings, as safetensors demands. It depends on the id only, not on what a service
 * calls the GHN.
 */
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
