import { parseArgs } from 'node:util';
import { z } from 'zod';

export const USAGE = `Usage: npm run soak -- [options]

Starts the built service and uses it like many clients at once: predictions, whole and partial downloads, cancellations,
invalid requests, restarts. Every second it measures the memory and the open files of the service's processes. It checks
the digest of every body. It prints a verdict, and exits with 0 if all checks hold, otherwise with 1. Linux only.

  --minutes NUMBER      duration (30); under 10 there are too few samples to judge the memory
  --rate NUMBER         average number of new clients per second (8)
  --concurrency NUMBER  largest number of clients at once (8); further ones wait
  --seed NUMBER         seed of the clients' actions (1)
  --store-mb NUMBER     size of the store in MB (64); above it, the least recently used predictions are evicted
  --report FILE         writes the verdict and all samples to a JSON file
  --from-sources        runs the sources instead of the build

The service uses the settings in the environment, and the GHN in the package unless GHN_CHECKPOINTS names another.`;

/** The options are wrong. The message names the option and the reason. */
export class OptionsError extends Error {}

const number = (minimum: number) => z.coerce.number().min(minimum);

const schema = z.object({
  minutes: number(0.05).default(30),
  rate: number(0.01).default(8),
  concurrency: number(1).pipe(z.int()).default(8),
  seed: number(0).pipe(z.int()).default(1),
  'store-mb': number(1).default(64),
  report: z.string().min(1).optional(),
  'from-sources': z.boolean().default(false),
});

export type SoakOptions = z.output<typeof schema>;

/** @throws OptionsError */
export function parseOptions(args: readonly string[]): SoakOptions {
  const string = { type: 'string' } as const;
  let values: unknown;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        minutes: string,
        rate: string,
        concurrency: string,
        seed: string,
        'store-mb': string,
        report: string,
        'from-sources': { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new OptionsError((error as Error).message, { cause: error });
  }
  const { data, error } = schema.safeParse(values);
  if (data) return data;
  throw new OptionsError(
    error.issues.map(({ path, message }) => `--${path[0]?.toString()}: ${message}`).join('\n'),
  );
}
