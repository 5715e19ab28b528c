import type { PredictRequest } from '../../../clients/typescript/src/index.js';

/** The values of the form. Every field has one, and the request omits those that equal the service's defaults. */
export interface FormOptions {
  readonly ghn: string;
  readonly numClasses: string;
  readonly predictClassifier: boolean;
  readonly skipsUnsupported: boolean;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly format: 'safetensors' | 'tiled' | 'npz';
  readonly seed: string;
  readonly isPostprocessed: boolean;
  readonly noise: string;
  readonly orthogonalize: boolean;
  readonly fromLayer: string;
  readonly minChannels: string;
  readonly noiseSeed: string;
}

export const INITIAL_OPTIONS: FormOptions = {
  ghn: '',
  numClasses: '',
  predictClassifier: true,
  skipsUnsupported: false,
  dtype: 'F32',
  format: 'safetensors',
  seed: '0',
  isPostprocessed: false,
  noise: '0.00003',
  orthogonalize: true,
  fromLayer: '0',
  minChannels: '0',
  noiseSeed: '0',
};

/** Returns the reason why a choice cannot be combined with the others; null if it can. */
export function conflictOf(
  { isPostprocessed, dtype }: FormOptions,
  format: FormOptions['format'],
): string | null {
  if (format === 'tiled' && isPostprocessed) return 'post-processed weights are not tiles';
  if (format === 'npz' && dtype === 'BF16') return 'NumPy has no BF16';
  return null;
}

/** Adjusts the options after a change so that they can be combined. */
export function settle(options: FormOptions): FormOptions {
  return conflictOf(options, options.format) === null ? options : { ...options, format: 'safetensors' };
}

export function requestOf(
  architecture: PredictRequest['architecture'],
  options: FormOptions,
): PredictRequest {
  const { ghn, numClasses, predictClassifier, skipsUnsupported, dtype, format, seed } = options;
  return {
    architecture,
    ...(typeof architecture === 'string' && numClasses !== '' && { num_classes: Number(numClasses) }),
    ...(ghn !== '' && { ghn }),
    ...(!predictClassifier && { predict_classifier: false }),
    ...(typeof architecture !== 'string' && skipsUnsupported && { unsupported: 'skip' }),
    ...(Number(seed) !== 0 && { seed: Number(seed) }),
    ...(dtype !== 'F32' && { dtype }),
    ...(format !== 'safetensors' && { format }),
    ...(options.isPostprocessed && { postprocess: postprocessOf(options) }),
  } as PredictRequest;
}

function postprocessOf({ noise, orthogonalize, fromLayer, minChannels, noiseSeed }: FormOptions) {
  return {
    ...(Number(noise) !== 0 && { noise: Number(noise) }),
    ...(orthogonalize && { orthogonalize }),
    ...(Number(fromLayer) !== 0 && { from_layer: Number(fromLayer) }),
    ...(Number(minChannels) !== 0 && { min_channels: Number(minChannels) }),
    ...(Number(noiseSeed) !== 0 && { seed: Number(noiseSeed) }),
  };
}
