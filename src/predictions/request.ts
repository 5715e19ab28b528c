import { z } from 'zod';
import { type Architecture, UNSUPPORTED, type Unsupported } from '../architecture/architecture.js';
import { ArchitectureError, type Fault, FaultList } from '../architecture/faults.js';
import { isObject } from '../architecture/json.js';
import type { Limits } from '../architecture/limits.js';
import { mistakenBody, mistakenText } from '../architecture/mistaken.js';
import { architectureSchema, parseArchitecture } from '../architecture/parse.js';
import { nameSchema, strictObject } from '../architecture/schema.js';
import { addZodFaults } from '../architecture/zod-faults.js';
import { DEFAULT_FORMAT, FORMAT_NAMES } from '../format/find.js';
import { DTYPES } from '../tensor/dtype.js';
import { InvalidRequestError } from './errors.js';
import { representationFault } from './weights.js';

/** Seeds are whole numbers that JSON carries exactly. */
const seedSchema = z.int().min(0).default(0);

/**
 * Weights are of the order of 1 or smaller. A larger factor is a typing error, and a much larger one gives infinite
 * float32 values.
 */
const MAX_NOISE = 1e6;

const postprocessSchema = strictObject('postprocess', {
  noise: z
    .number()
    .min(0)
    .max(MAX_NOISE)
    .default(0)
    .describe(
      'beta. The noise is beta times the standard deviation of the correlations between a weight’s rows.',
    ),
  orthogonalize: z.boolean().default(false),
  from_layer: z
    .int()
    .min(0)
    .default(0)
    .describe('The first weight to change, counted from 1. Earlier weights stay as they are.'),
  min_channels: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Weights with this number of channels or fewer stay as they are. Noise is added from this output and input on.',
    ),
  seed: seedSchema.describe('Seed of the noise.'),
}).meta({
  id: 'Postprocess',
  description: 'Post-processing that restores the diversity of predicted weights for fine-tuning.',
});

const options = {
  num_classes: z
    .int()
    .min(1)
    .optional()
    .describe('Number of classes. Only for an architecture given by name. Default: the architecture’s own.'),
  ghn: z.string().optional().describe('An id from GET /ghns. Default: the first GHN that was loaded.'),
  predict_classifier: z.boolean().default(true).describe('If false, the classifier is left out.'),
  postprocess: postprocessSchema.nullish(),
  unsupported: z
    .enum(UNSUPPORTED)
    .default('refuse')
    .describe(
      'What to do with layers and nodes for which a GHN has no operation. `refuse` refuses the request. `skip` leaves them out and predicts the rest; the record names them.',
    ),
  seed: seedSchema.describe('Seed of the numbers that the GHN itself draws: a class token’s row.'),
  dtype: z.enum(DTYPES).default('F32'),
  format: z.enum(FORMAT_NAMES).default(DEFAULT_FORMAT),
};

/** The body of POST /predict as the OpenAPI document shows it. */
export const predictBodySchema = strictObject('the request', {
  architecture: z
    .union([nameSchema.describe('A name of GET /architectures'), ...architectureSchema.options])
    .meta({
      id: 'Architecture',
      description:
        'A network: the name of one that the service knows, a graph, a list of layers, or a Keras model.',
    }),
  ...options,
}).meta({
  id: 'PredictRequest',
  // Not `examples`: zod omits these for schemas whose values it changes while reading.
  'x-examples': {
    ...Object.fromEntries(
      architectureSchema.options.map((form) => {
        const { id, title = id, example } = form.meta()!;
        return [title, { value: { architecture: example } }];
      }),
    ),
    Name: { value: { architecture: 'squeezenet1_1', num_classes: 10, dtype: 'F16' } },
  },
});

/**
 * The architecture is checked separately, by code that finds all faults and describes them better than a union
 * schema.
 */
const readSchema = strictObject('the request', { architecture: z.unknown().optional(), ...options });

/** Part of the schema's message about a misspelt key that was meant to be `architecture`. */
const MEANT_ARCHITECTURE = /did you mean "architecture"/;

/** A requested architecture: a name, or the architecture itself and the time that reading it took. */
export type RequestedArchitecture =
  | { readonly name: string }
  | { readonly architecture: Architecture; readonly milliseconds: number };

export type PredictRequest = Omit<z.output<typeof readSchema>, 'architecture'> & {
  readonly architecture: RequestedArchitecture;
};

/**
 * Reads the body of POST /predict and checks the architecture in it.
 *
 * @throws InvalidRequestError with every fault, each with its JSON pointer into the body
 */
export function readPredictRequest(body: unknown, limits: Limits): PredictRequest {
  const mistaken = mistakenBody(body);
  if (mistaken !== null) throw new InvalidRequestError([{ path: '', message: mistaken }]);
  const faults: Fault[] = [];
  const { data, error } = readSchema.safeParse(body);
  if (error) {
    collect(faults, '', () => {
      const found = new FaultList();
      addZodFaults(found, error, body, []);
      found.throwIfAny();
    });
  }
  let architecture: RequestedArchitecture | undefined;
  const isMisspelt =
    isObject(body) &&
    !('architecture' in body) &&
    faults.some(({ message }) => MEANT_ARCHITECTURE.test(message));
  if (isObject(body) && !isMisspelt) {
    const input = body.architecture;
    collect(faults, '/architecture', () => {
      // If `unsupported` is invalid, that fault is already in the list.
      architecture = readArchitecture(input, limits, data?.unsupported ?? 'skip');
    });
    if (data?.num_classes !== undefined && typeof input !== 'string') {
      faults.push({ path: '/num_classes', message: 'is allowed only with the name of an architecture' });
    }
  }
  if (faults.length > 0 || !data || !architecture) throw new InvalidRequestError(faults);
  const fault = representationFault(data, data.postprocess !== null && data.postprocess !== undefined);
  if (fault) throw new InvalidRequestError([fault]);
  return { ...data, architecture };
}

function readArchitecture(input: unknown, limits: Limits, unsupported: Unsupported): RequestedArchitecture {
  if (typeof input === 'string') {
    const message = mistakenText(input);
    if (message !== null) throw new ArchitectureError([{ path: '', message }]);
    return { name: input };
  }
  const start = performance.now();
  return {
    architecture: parseArchitecture(input, limits, unsupported),
    milliseconds: performance.now() - start,
  };
}

/** Adds the faults that a check throws, their pointers prefixed. */
function collect(faults: Fault[], prefix: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ArchitectureError)) throw error;
    for (const { path, message } of error.faults) faults.push({ path: `${prefix}${path}`, message });
  }
}
