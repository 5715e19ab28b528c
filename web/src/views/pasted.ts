import type { Architecture, PredictRequest } from '../../../clients/typescript/src/index.js';

/** A pasted text as the architecture of a request. */
export interface Pasted {
  readonly architecture: Architecture;
  /** The options, if the text is a whole request. */
  readonly options: Partial<PredictRequest>;
  /** The start of a fault's JSON pointer, before the part that points into the text. */
  readonly pointerPrefix: string;
  readonly kind: 'graph' | 'layers' | 'Keras model' | 'request' | 'architecture';
}

/**
 * Parses pasted JSON: a graph, layers, a Keras model from `to_json()`, or a whole request.
 *
 * @throws SyntaxError if it is not JSON
 */
export function readPasted(text: string): Pasted {
  const value: unknown = JSON.parse(text);
  const has = (key: string) => typeof value === 'object' && value !== null && key in value;
  const architecture = value as Architecture;
  if (has('architecture')) {
    const { architecture: own, ...options } = value as PredictRequest;
    return { architecture: own, options, pointerPrefix: '', kind: 'request' };
  }
  if (has('class_name') || has('modelTopology') || has('model_config')) {
    return {
      architecture: { keras: value } as Architecture,
      options: {},
      pointerPrefix: '/architecture/keras',
      kind: 'Keras model',
    };
  }
  const kind = has('layers')
    ? 'layers'
    : has('nodes')
      ? 'graph'
      : has('keras')
        ? 'Keras model'
        : 'architecture';
  return { architecture, options: {}, pointerPrefix: '/architecture', kind };
}
