import { NANO_GHNS } from '../helpers/service.js';

/**
 * Without PROOF=full, the tests of clients have a size for every run. With it, they are as frequent and as large as the
 * promises of the product, and use the built service. That takes an hour, and a checkpoint in the size of the published
 * GHN-3-T:
 *
 *     npm run build && scripts/client-python.sh
 *     PROOF=full GHN_TINY_CHECKPOINT=ghn3-tiny.pt npx vitest run test/clients
 */
export const FULL = process.env.PROOF === 'full';

/**
 * Returns a number of repetitions: the environment variable with that name, or few or many, depending on the kind of
 * run.
 */
export function times(variable: string, few: number, many: number): number {
  const given = process.env[variable];
  return given ? Number(given) : FULL ? many : few;
}

/** Returns networks in test/fixtures/architectures: those of every run, and those of full runs. */
export function networks(always: readonly string[], full: readonly string[]): readonly string[] {
  return FULL ? [...always, ...full] : always;
}

const tiny = process.env.GHN_TINY_CHECKPOINT;

export const GHN_CHECKPOINTS = tiny ? `ghn3-tiny=${tiny}` : NANO_GHNS;
