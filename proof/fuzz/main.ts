import { basename, dirname, resolve } from 'node:path';
import { readOptions, USAGE } from './options.js';
import { fuzz, replay, type Tally } from './runner/fuzz.js';
import { findTarget, TARGETS } from './targets/index.js';

const MIB = 2 ** 20;

const total = (tallies: readonly Tally[], of: (tally: Tally) => number) =>
  tallies.reduce((sum, tally) => sum + of(tally), 0);

const secondsSince = (start: number) => ((performance.now() - start) / 1000).toFixed(0);

function table(tallies: readonly Tally[]): string {
  const rows = tallies.map(({ target, ...tally }) => [
    target.name,
    String(tally.inputs),
    String(tally.accepted),
    String(tally.refused),
    tally.slowestMilliseconds.toFixed(0),
    tally.busiestMilliseconds.toFixed(0),
    (tally.largestBytes / MIB).toFixed(0),
    `${target.memory.constant / MIB} + ${target.memory.factor}n`,
    String(tally.findings.length),
  ]);
  const sum = (of: (tally: Tally) => number) => String(total(tallies, of));
  const all = [
    ['target', 'inputs', 'accepted', 'refused', 'slowest ms', 'cpu ms', 'most MiB', 'bound MiB', 'findings'],
    ...rows,
    [
      'all',
      sum(({ inputs }) => inputs),
      sum(({ accepted }) => accepted),
      sum(({ refused }) => refused),
      Math.max(...tallies.map(({ slowestMilliseconds }) => slowestMilliseconds)).toFixed(0),
      Math.max(...tallies.map(({ busiestMilliseconds }) => busiestMilliseconds)).toFixed(0),
      (Math.max(...tallies.map(({ largestBytes }) => largestBytes)) / MIB).toFixed(0),
      '',
      sum(({ findings }) => findings.length),
    ],
  ];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
    .join('\n');
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const start = performance.now();
  const tallies =
    options.replay.length > 0
      ? await replay(
          options.replay.map((path) => ({ target: findTarget(basename(dirname(resolve(path)))), path })),
        )
      : await fuzz({
          ...options,
          targets: options.targets.length > 0 ? options.targets.map(findTarget) : TARGETS,
          onProgress: (tallies) =>
            console.log(
              `${total(tallies, ({ inputs }) => inputs)} of ${options.inputs} inputs, ` +
                `${total(tallies, ({ findings }) => findings.length)} findings, ${secondsSince(start)} s`,
            ),
        });
  const findings = tallies.flatMap((tally) => tally.findings);
  for (const { target, path, message } of findings) console.log(`${target}: ${path}\n${message}\n`);
  console.log(table(tallies));
  console.log(`seed ${options.seed}, ${secondsSince(start)} s; n is an input's size`);
  if (findings.length > 0) process.exitCode = 1;
}

main().catch((error: Error) => {
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = 2;
});
