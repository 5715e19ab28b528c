import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import secureJson from 'secure-json-parse';
import type { Architecture, Unsupported } from '../../../src/architecture/architecture.js';
import { canonicalGraph } from '../../../src/architecture/canonical.js';
import { ArchitectureError } from '../../../src/architecture/faults.js';
import { parseGraph } from '../../../src/architecture/graph.js';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import type { Graph } from '../../../src/architecture/schema.js';
import { listArchitectures, UnknownArchitectureError } from '../../../src/architecture/zoo.js';
import { InvalidRequestError } from '../../../src/predictions/errors.js';
import { readPredictRequest } from '../../../src/predictions/request.js';
import { resolveArchitecture } from '../../../src/predictions/resolve.js';
import { KERAS_FIXTURES, kerasFixture } from '../../../test/helpers/keras.js';
import { graphs, kerasModels, kerasTexts, layers } from '../inputs/architectures.js';
import { jsonTexts } from '../inputs/json-text.js';
import { nestedModels } from '../inputs/nested-models.js';
import { GARBAGE_BYTES, type Outcome, type Target } from './target.js';

/** The default limits of a service. */
const LIMITS = { maxNodes: 5000, maxParameters: 2e9 };

const UNLIMITED = { maxNodes: Number.POSITIVE_INFINITY, maxParameters: Number.POSITIVE_INFINITY };

/** Largest length of a list of faults. The last entry says that there are more. */
const MAX_LISTED_FAULTS = 101;

/** Largest size of a list of faults, whatever its keys and names are. */
const MAX_LISTED_BYTES = 110_000;

const POINTER = /^(\/([^/~]|~[01])*)*$/;

const FIXTURES = new URL('../../../test/fixtures/', import.meta.url);

const fixture = (path: string): unknown => JSON.parse(readFileSync(new URL(path, FIXTURES), 'utf8'));

const MEMORY = {
  constant: GARBAGE_BYTES,
  factor: 200,
  reason: 'a value of JSON takes up to 50 times its text, and its checked copy as much again',
};

interface Faulty extends Error {
  readonly faults: readonly { readonly path: string; readonly message: string }[];
}

/** Runs a function that may refuse its input, if it lists faults with their places. */
function withFaults(read: () => void): Outcome {
  try {
    read();
    return 'accepted';
  } catch (error) {
    if (error instanceof UnknownArchitectureError) return 'refused';
    if (!(error instanceof ArchitectureError || error instanceof InvalidRequestError)) throw error;
    const { faults } = error as Faulty;
    if (faults.length === 0) throw new Error('refused without a fault', { cause: error });
    if (faults.length > MAX_LISTED_FAULTS) throw new Error(`${faults.length} faults are listed`);
    if (Buffer.byteLength(JSON.stringify(faults)) > MAX_LISTED_BYTES) throw new Error('faults without end');
    for (const { path, message } of faults) {
      if (!POINTER.test(path)) throw new Error(`${JSON.stringify(path)} is not a JSON pointer`);
      if (message.length < 6 || message.length > 2001)
        throw new Error(`a fault of ${message.length} characters`);
    }
    return 'refused';
  }
}

/** Parses a body; returns undefined if it is refused before it is parsed. */
function parseBody(text: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: secureJson.parse(text.toString()) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parsedAgain(graph: Graph): Architecture {
  try {
    return parseGraph(graph, UNLIMITED);
  } catch (error) {
    throw new Error('its own graph is refused', { cause: error });
  }
}

/** Checks that an accepted architecture is the same network when its graph is parsed again. */
function readBack(value: unknown, unsupported?: Unsupported): void {
  const graph = canonicalGraph(parseArchitecture(value, LIMITS, unsupported));
  const again = canonicalGraph(parsedAgain(graph));
  if (JSON.stringify(again) !== JSON.stringify(graph)) throw new Error('another graph when it is read again');
}

function architectureTarget(
  name: string,
  share: number,
  samples: readonly unknown[],
  generated: fc.Arbitrary<unknown>,
): Target {
  return {
    name,
    share,
    memory: MEMORY,
    inputs: (corpus) => jsonTexts(samples, corpus, generated),
    valid: () => Buffer.from(JSON.stringify(samples[0])),
    open: async () => ({
      run: async (input) => {
        const body = parseBody(input);
        if (body === undefined) return 'refused';
        const outcome = withFaults(() => readBack(body.value));
        // Tries again without the layers that cannot be predicted.
        return outcome === 'accepted' ? outcome : withFaults(() => readBack(body.value, 'skip'));
      },
      close: async () => {},
    }),
  };
}

const kerasSamples = KERAS_FIXTURES.map((name) => ({ keras: kerasFixture(name).model }));

const BODIES = [
  { architecture: 'resnet50', num_classes: 10 },
  { architecture: 'vit_b_16' },
  { architecture: 'convnext_tiny', num_classes: 2, seed: 3, dtype: 'F16' },
];

export const ARCHITECTURE_TARGETS: readonly Target[] = [
  architectureTarget(
    'graphs',
    16,
    [
      fixture('layers/lenet.graph.json'),
      fixture('layers/vit.graph.json'),
      fixture('architectures/squeezenet1_1-10.json'),
      fixture('architectures/alexnet.json'),
    ],
    graphs,
  ),
  architectureTarget(
    'layers',
    16,
    ['lenet', 'residual', 'vit', 'vit-mean'].map((name) => fixture(`layers/${name}.layers.json`)),
    layers,
  ),
  architectureTarget('keras', 14, kerasSamples, fc.oneof(kerasModels, nestedModels, kerasTexts)),
  {
    name: 'names',
    share: 4,
    memory: MEMORY,
    inputs: (corpus) =>
      jsonTexts(
        BODIES,
        corpus,
        fc.record(
          {
            architecture: fc.oneof(
              fc.constantFrom(...listArchitectures().map(({ name }) => name)),
              fc.constantFrom(
                '__proto__',
                '../index',
                '../../../package.json',
                'resnet50.json',
                'RESNET-50',
                'resnet5O',
                '',
              ),
              fc.string({ unit: 'binary', maxLength: 600 }),
            ),
            num_classes: fc.oneof(
              fc.integer(),
              fc.constantFrom<unknown>(1, 1e9, 2 ** 53 - 1, 0, '10', null, []),
            ),
          },
          { requiredKeys: ['architecture'] },
        ),
      ),
    valid: () => Buffer.from(JSON.stringify(BODIES[0])),
    open: async () => ({
      run: async (input) => {
        const body = parseBody(input);
        if (body === undefined) return 'refused';
        return withFaults(() => {
          resolveArchitecture(readPredictRequest(body.value, LIMITS), LIMITS);
        });
      },
      close: async () => {},
    }),
  },
];
