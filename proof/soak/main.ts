import { writeFile } from 'node:fs/promises';
import { OptionsError, parseOptions, type SoakOptions, USAGE } from './options.js';
import { verdictLines } from './print.js';
import { soak } from './soak.js';
import { verdictOf } from './verdict.js';

const EXIT_CODE_FAILS = 1;
const EXIT_CODE_CANNOT_TELL = 2;

const print = (line: string) => process.stdout.write(`${line}\n`);

async function main(options: SoakOptions): Promise<void> {
  const { minutes, rate, concurrency, seed } = options;
  print(`${minutes} minutes, ${rate} clients a second, at most ${concurrency} at once, seed ${seed}`);
  const soaked = await soak(options, print);
  const verdict = verdictOf(soaked);
  for (const line of verdictLines(soaked, verdict)) print(line);
  if (options.report !== undefined) {
    const { ledger, subject, samples, judged } = soaked;
    const report = {
      options,
      ...verdict,
      done: Object.fromEntries(ledger.done),
      digests: ledger.digests,
      expected: [...ledger.expected.values()],
      unexpected: [...ledger.unexpected.values()],
      secondsToRecover: subject.secondsToRecover,
      secondsToStop: subject.secondsToStop,
      judged,
      samples,
    };
    await writeFile(options.report, `${JSON.stringify(report)}\n`);
  }
  if (!verdict.holds) process.exitCode = EXIT_CODE_FAILS;
}

try {
  if (process.platform !== 'linux')
    throw new OptionsError('memory and files are read from /proc: on Linux alone');
  if (process.argv.includes('--help')) print(USAGE);
  else await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  process.exitCode = error instanceof OptionsError ? EXIT_CODE_CANNOT_TELL : EXIT_CODE_FAILS;
  process.stderr.write(
    `${error instanceof OptionsError ? error.message : ((error as Error).stack ?? error)}\n`,
  );
}
