import { NANO_GHNS } from '../helpers/service.js';

/**
 * Without PROOF=full what clients do is tried at a size for every run of the tests; with it, as often and as large as the
 * product promises, of the service as it is built, which takes an hour and a checkpoint of the published GHN-3-T size:
 *
 *     npm run build && scripts/client-python.sh
 *     PROOF=full GHN_TINY_CHECKPOINT=ghn3-tiny.pt npx vitest run test/clients
 */
export const FULL = process.env.PROOF === 'full';

/** How often something is done: few or many times, or as often as the environment variable with that name says. */
export function times(variable: string, few: number, many: number): number {
  const given = process.env[variable];
  return given ? Number(given) : FULL ? many : few;
}

/** Networks of test/fixtures/architectures that are always tried, and those that are tried in a full run alone. */
export function networks(always: readonly string[], full: readonly string[]): readonly string[] {
  return FULL ? [...always, ...full] : always;
}

const tiny = process.env.GHN_TINY_CHECKPOINT;

export const GHN_CHECKPOINTS = tiny ? `ghn3-tiny=${tiny}` : NANO_GHNS;
