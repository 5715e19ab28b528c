import { parseArgs } from 'node:util';
import { quote } from '../architecture/faults.js';
import { didYouMean } from '../architecture/nearest.js';
import { listArchitectures } from '../architecture/zoo.js';
import { FAMILIES, type Family, VerifyError } from './norms-file.js';

export const USAGE = `Usage: ghn-serve verify CHECKPOINT [options]

Predicts torchvision's 74 networks with a GHN and compares each network's L2 norm, over all its parameters, with the one
that the GHN's authors published. The exit code is 0 if all match, 1 if one does not, and 2 if the command cannot tell.

CHECKPOINT is a path, or any other source that GHN_CHECKPOINTS takes: ghn3-t, hf://owner/repository/file, https://…

  --family ${FAMILIES.join('|')}  which published GHN the checkpoint is; by default its sizes decide
  --norms FILE                norms to compare with instead of the published ones
  --only NAME,…               only these networks
  --tolerance NUMBER          the relative difference that is allowed instead of the usual one
  --write FILE                write this checkpoint's norms to a file for --norms, without a comparison

ENGINE and DEVICE choose the engine, as for the service.`;

export interface VerifyOptions {
  readonly checkpoint: string;
  readonly family: Family | null;
  /** Path of a file with norms; null for the published norms. */
  readonly norms: string | null;
  /** Names in the zoo; null for all networks that have an expected norm. */
  readonly only: readonly string[] | null;
  readonly tolerance: number | null;
  /** Path of the file to write. */
  readonly write: string | null;
}

/** @throws VerifyError */
export function parseOptions(args: readonly string[]): VerifyOptions {
  const { positionals, values } = parse(args);
  const [checkpoint, ...others] = positionals;
  if (checkpoint === undefined) throw new VerifyError('name the checkpoint to verify');
  if (others.length > 0) throw new VerifyError(`give only one checkpoint: ${quote(others[0])} is a second`);
  const { norms, write } = values;
  if (write !== undefined && (norms ?? values.family ?? values.tolerance) !== undefined) {
    throw new VerifyError('--write does not compare norms: leave out --norms, --family and --tolerance');
  }
  return {
    checkpoint,
    family: values.family === undefined ? null : parseFamily(values.family),
    norms: norms ?? null,
    only: values.only === undefined ? null : parseNames(values.only),
    tolerance: values.tolerance === undefined ? null : parseTolerance(values.tolerance),
    write: write ?? null,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        family: { type: 'string' },
        norms: { type: 'string' },
        only: { type: 'string' },
        tolerance: { type: 'string' },
        write: { type: 'string' },
      },
    });
  } catch (error) {
    throw new VerifyError((error as Error).message, { cause: error });
  }
}

function parseFamily(given: string): Family {
  const family = FAMILIES.find((known) => known === given);
  if (!family) throw new VerifyError(`--family is one of ${FAMILIES.join(', ')}, not ${quote(given)}`);
  return family;
}

function parseNames(given: string): string[] {
  const known = new Set(listArchitectures().map(({ name }) => name));
  const names = given.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!known.has(name)) {
      throw new VerifyError(`--only: no network is called ${quote(name)}${didYouMean(name, known)}`);
    }
  }
  return names;
}

function parseTolerance(given: string): number {
  const tolerance = Number(given);
  if (given.trim() !== '' && tolerance >= 0 && Number.isFinite(tolerance)) return tolerance;
  throw new VerifyError(`--tolerance is a number of 0 or more, such as 1e-5, not ${quote(given)}`);
}
