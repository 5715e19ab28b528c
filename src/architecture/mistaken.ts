import { asArray, isObject } from './json.js';
import { GRAPH_MODEL, isStateDict, ONNX, posted, STATE_DICT } from './keras/posted.js';

const TRACE = 'send the graph that ghn_serve.trace(module) gives, or what model.to_json() gives in Keras';

const AS_KERAS = 'send it as {"architecture": {"keras": …}}';

/**
 * Something that people send by mistake instead of an architecture: a test that recognises it, and a message that says
 * what to send.
 */
interface Mistaken {
  readonly is: (given: Readonly<Record<string, unknown>>) => boolean;
  readonly message: string;
}

const OBJECTS: readonly Mistaken[] = [
  {
    is: (given) => typeof given.class_name === 'string' && 'config' in given,
    message: `this is a Keras model, as model.to_json() gives it; ${AS_KERAS}`,
  },
  { is: (given) => posted(given) === GRAPH_MODEL, message: GRAPH_MODEL },
  {
    is: (given) => 'modelTopology' in given || 'model_config' in given,
    message: `this is a TensorFlow.js model.json; ${AS_KERAS}`,
  },
  {
    is: ({ layers }) => isKerasLayer(asArray(layers)[0]),
    message:
      'this is what model.get_config() gives, a model’s config without its class; send {"keras": …} with what model.to_json() gives',
  },
  { is: (given) => posted(given) === ONNX, message: ONNX },
  {
    is: (given) => isStateDict(given) || isStateDict(given.state_dict) || isStateDict(given.model_state_dict),
    message: `${STATE_DICT}; ${TRACE}`,
  },
  {
    is: (given) => 'architecture' in given,
    message: 'this is a whole request; send only the value of its "architecture"',
  },
];

const TEXTS: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  {
    pattern: /^https?:\/\//i,
    message: `an address, and the service fetches nothing; ${TRACE}, or a name of GET /architectures`,
  },
  { pattern: /\.onnx$/i, message: ONNX },
  {
    pattern: /\.(?:keras|h5|hdf5|pb)$/i,
    message:
      'a path to a file that the service cannot see; load it with keras.models.load_model, and send {"keras": …} with what ' +
      'model.to_json() gives',
  },
  {
    pattern: /\.(?:pth?|ckpt|bin|safetensors|pkl|npz|tar|py)$/i,
    message: `a path to a file that the service cannot see; ${TRACE}`,
  },
  { pattern: /\.json$/i, message: 'a path to a file that the service cannot see; send what is in it' },
  {
    pattern: /^\w+\([^\S\n]*\n\s*\(/,
    message: `this is how Python prints a module, which does not say how its layers are joined; ${TRACE}`,
  },
  {
    pattern: /^Model: "/,
    message: 'this is how Keras prints a model; send {"keras": …} with what model.to_json() gives',
  },
  {
    pattern: /^\s*(?:import|from|class|def|@)\s*\w.*\n/,
    message: `this is a program, which the service does not run; ${TRACE}`,
  },
];

/** The sentence for an object that is a known mistake; null if it is not one. */
export function mistakenObject(given: unknown): string | null {
  if (!isObject(given)) return null;
  return OBJECTS.find(({ is }) => is(given))?.message ?? null;
}

/** Only this many characters at a text's beginning and end are looked at. */
const LOOKED_AT = 200;

/** The sentence for a string that is a known mistake; null if it may be the name of an architecture. */
export function mistakenText(text: string): string | null {
  const value = jsonObject(text);
  if (value) {
    const object = mistakenObject(value);
    const how = 'the architecture is a string of JSON, encoded twice';
    return `${how}; ${object ?? 'send the object itself'}`;
  }
  const ends = text.length > 2 * LOOKED_AT ? text.slice(0, LOOKED_AT) + text.slice(-LOOKED_AT) : text;
  return TEXTS.find(({ pattern }) => pattern.test(ends))?.message ?? (text.length > 16 ? posted(text) : null);
}

/** The sentence for a body that is not a request. */
export function mistakenBody(body: unknown): string | null {
  if (typeof body === 'string') {
    return jsonObject(body)
      ? 'the body is a string of JSON, encoded twice; send the object itself'
      : 'the body is a string; send an object, {"architecture": …}';
  }
  if (!isObject(body) || 'architecture' in body) return null;
  if ('nodes' in body || ('layers' in body && !isKerasLayer(asArray(body.layers)[0])) || 'keras' in body) {
    return 'this is an architecture; send it in a request, {"architecture": …}';
  }
  return mistakenObject(body);
}

function isKerasLayer(given: unknown): boolean {
  return isObject(given) && 'class_name' in given;
}

/** A longer text is an architecture of megabytes. Its beginning is enough to recognise it. */
const MAX_PARSED = 2 ** 20;

/** The object or list in a JSON text; an empty object if the text is too long to read. */
function jsonObject(text: string): object | null {
  if (!/^\s*["{[]/.test(text.slice(0, LOOKED_AT))) return null;
  if (text.length > MAX_PARSED) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : typeof value === 'string' ? jsonObject(value) : null;
  } catch {
    return null;
  }
}
