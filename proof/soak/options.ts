import { parseArgs } from 'node:util';
import { z } from 'zod';

export const USAGE = `Usage: npm run soak -- [options]

Starts the built service and uses it for a while, as many clients at once would: predictions, downloads whole and in
parts, cancellations, bad requests, restarts. Every second it looks at the memory and the open files of the service's
processes; every body's digest is checked. Ends with a verdict, and with 0 where all holds, else with 1. On Linux alone.

  --minutes NUMBER      how long (30); under 10 there are too few samples to judge memory by
  --rate NUMBER         how many clients come in a second, on average (8)
  --concurrency NUMBER  how many are there at once (8): whoever comes then waits
  --seed NUMBER         of what they do (1)
  --store-mb NUMBER     the size of the store in MB (64): what was not used for the longest time is evicted
  --report FILE         where the verdict is written as JSON, with all samples
  --from-sources        runs the sources instead of what was built

The service has the settings of the environment, and the GHN of the package where GHN_CHECKPOINTS names no other.`;

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
