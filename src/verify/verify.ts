import { buildArchitecture } from '../architecture/graph.js';
import type { Limits } from '../architecture/limits.js';
import { parameterCount } from '../architecture/tensors.js';
import { listArchitectures, loadArchitecture } from '../architecture/zoo.js';
import type { EngineChoice } from '../engine/select.js';
import type { GhnConfig } from '../ghn/checkpoint.js';
import { Pipeline } from '../predictor/pipeline.js';
import { type CheckpointFile, type EngineDescription, ghnKey } from '../predictor/protocol.js';
import { type NetworkNorm, networkNorm } from './network-norm.js';
import { type ExpectedNorms, VerifyError } from './norms-file.js';

/** All networks of the zoo are within these limits. */
const LIMITS: Limits = { maxNodes: 5000, maxParameters: 2e9 };

const NEVER = new AbortController().signal;

/** A network of the zoo with the GHN's prediction. */
export interface VerifiedNetwork {
  readonly name: string;
  readonly parameters: number;
  readonly norm: NetworkNorm;
}

/** A loaded checkpoint. */
export interface Verification {
  readonly config: GhnConfig;
  readonly engine: EngineDescription;
  /** Predicts the networks, one after the other, and keeps none. */
  predict(names: readonly string[]): AsyncGenerator<VerifiedNetwork>;
}

/**
 * Loads a checkpoint on an engine.
 *
 * @param onNotice called with messages about the engine
 * @throws CheckpointError
 */
export async function loadVerification(
  checkpoint: Omit<CheckpointFile, 'id'>,
  engine: EngineChoice,
  onNotice: (message: string) => void,
): Promise<Verification> {
  const pipeline = await Pipeline.load(
    { engine, checkpoints: [{ id: 'verified', ...checkpoint }] },
    onNotice,
  );
  const [ghn] = pipeline.description.ghns;
  return {
    config: ghn.config,
    engine: pipeline.description.engine,
    async *predict(names) {
      for (const name of names) {
        const architecture = buildArchitecture(loadArchitecture(name), LIMITS);
        const job = {
          ghn: ghnKey(ghn),
          architecture,
          predictClassifier: true,
          seed: 0,
          postprocess: null,
          dtype: 'F32',
        } as const;
        const { tensors } = await pipeline.predict(job, NEVER, () => {});
        const norm = await networkNorm(architecture, tensors);
        yield { name, parameters: parameterCount(architecture), norm };
      }
    },
  };
}

/**
 * Returns the networks to verify, in the zoo's order or as given.
 *
 * @param only names in the zoo; null for all
 * @param expected if given, only networks with an expected norm are returned, and all of `only` must have one
 * @throws VerifyError
 */
export function networksToVerify(only: readonly string[] | null, expected: ExpectedNorms | null): string[] {
  const names = only ?? listArchitectures().map(({ name }) => name);
  if (!expected) return [...names];
  const known = names.filter((name) => expected.norms.has(name));
  const [missing] = names.filter((name) => !expected.norms.has(name));
  if (only && missing !== undefined) throw new VerifyError(`there is no expected norm for ${missing}`);
  if (known.length === 0) throw new VerifyError('there is no expected norm for any network of the zoo');
  return known;
}
