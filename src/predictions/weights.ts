import type { Layout } from '../format/layout.js';
import { safetensors } from '../format/safetensors.js';
import type { Dtype } from '../tensor/dtype.js';
import type { TensorSource } from '../tensor/tensor.js';
import type { Format, PredictionRecord } from './record.js';

/** One way of writing a prediction's weights down. */
export interface Representation {
  readonly format: Format;
  readonly dtype: Dtype;
}

export interface Weights {
  readonly layout: Layout;
  readonly fileName: string;
  /** Strong: the same for the same bytes. */
  readonly etag: string;
}

/** A prediction's weights as a file, of which nothing is written yet. */
export function weightsFile(
  record: PredictionRecord,
  tensors: readonly TensorSource[],
  { format, dtype }: Representation,
): Weights {
  const { id, request, ghn, architecture } = record;
  const layout = safetensors(tensors, dtype, {
    format: 'pt',
    ghn: ghn.id,
    ghn_digest: ghn.digest,
    architecture: architecture.name,
    postprocess: JSON.stringify(request.postprocess),
    prediction: id,
  });
  return {
    layout,
    fileName: `${fileStem(architecture.name)}.${format === 'npz' ? 'npz' : 'safetensors'}`,
    etag: `"${id}.${format}.${dtype}"`,
  };
}

/** A name as it is safe in a header and on any file system. */
function fileStem(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, '_').slice(0, 100) || 'weights';
}
