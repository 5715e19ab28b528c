import { asArray, isObject } from '../json.js';

/**
 * Something that people send by mistake instead of a model: a test that recognises it, and a message that says what to
 * send.
 */
interface Mistaken {
  readonly is: (given: unknown) => boolean;
  readonly message: string;
}

const SEND = 'send what model.to_json() gives';

export const ONNX =
  'an ONNX model has neither the names nor all of the weights of the network that it was made from (exporters fold norms ' +
  `into convolutions), so predictions could not go back into it: ${SEND} in Keras, or trace the PyTorch module with ` +
  'ghn_serve.trace';

export const GRAPH_MODEL =
  'a TensorFlow.js graph model has no layers, only the operations that they were compiled to; send model.to_json() of ' +
  'the Keras model that it was converted from';

export const STATE_DICT =
  'this is a state dict, the names and values of weights, which do not say how the layers are joined';

/** Objects that other tools write. */
const OBJECTS: readonly Mistaken[] = [
  {
    is: (given) =>
      isObject(given) && (given.format === 'graph-model' || isTensorFlowGraph(given.modelTopology ?? given)),
    message: GRAPH_MODEL,
  },
  {
    is: (given) =>
      isObject(given) &&
      ('opset_import' in given || 'opsetImport' in given || 'ir_version' in given || 'irVersion' in given),
    message: ONNX,
  },
  {
    is: (given) => isObject(given) && !('class_name' in given) && Array.isArray(given.layers),
    message: `this is what model.get_config() gives, a model’s config without its class; ${SEND}`,
  },
  { is: isStateDict, message: `${STATE_DICT}; ${SEND}` },
  {
    is: (given) => isObject(given) && 'keras_version' in given && 'date_saved' in given,
    message: `this is the metadata.json of a .keras file; send its config.json, or ${SEND.slice(5)}`,
  },
];

/** Strings: paths, and the contents of files. */
const TEXTS: readonly Mistaken[] = [
  { is: isLike(/\.onnx$/i), message: ONNX },
  {
    is: isLike(/\.(keras|h5|hdf5)$/i),
    message: `a path to a file that the service cannot see; load it with keras.models.load_model, and ${SEND}`,
  },
  {
    is: isLike(/\.json$/i),
    message: 'a path to a file that the service cannot see; send what is in it',
  },
  {
    is: isLike(/^(?:UEsDB|PK[^\w\s]{2})/),
    message: `a .keras file, which is a zip archive; load it with keras.models.load_model and ${SEND}`,
  },
  {
    // The version of the format, and the name of the exporter, as base64.
    is: isLike(/^CA[MQUYcgkosw0][S6C]/),
    message: ONNX,
  },
  {
    is: isLike(/^(?:iUhERg|.?HDF\r?\n)/s),
    message: `an HDF5 file; load it with keras.models.load_model and ${SEND}`,
  },
];

/** The sentence for a known mistake; null if the object is not one. */
export function posted(given: unknown): string | null {
  const known = typeof given === 'string' ? TEXTS : OBJECTS;
  return known.find(({ is }) => is(given))?.message ?? null;
}

/** True for a graph of TensorFlow, which is a list of operations. */
function isTensorFlowGraph(given: unknown): boolean {
  const [first] = asArray(isObject(given) ? given.node : null);
  return isObject(first) && 'op' in first;
}

/** Only this many entries of a large object are looked at. */
const LOOKED_AT = 20;

/** True if an object has weights by name: their values, their shapes, or the entries of a safetensors header. */
export function isStateDict(given: unknown): boolean {
  if (!isObject(given)) return false;
  const all = Object.entries(given).filter(([name]) => name !== '__metadata__');
  const entries = all.slice(0, LOOKED_AT);
  const isWeight = ([name, value]: [string, unknown]) =>
    /[./]|^(?:weight|bias|kernel)$/.test(name) &&
    (Array.isArray(value) || typeof value === 'number' || (isObject(value) && 'shape' in value));
  return entries.length > 0 && entries.every(isWeight);
}

function isLike(pattern: RegExp): (given: unknown) => boolean {
  return (given) => typeof given === 'string' && pattern.test(given.slice(0, 20) + given.slice(-20));
}
