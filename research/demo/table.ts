/** A network's line in the table. */
export interface Row {
  readonly name: string;
  readonly layers: number;
  readonly parameters: number;
  /** Milliseconds. */
  readonly latency: number;
  /** Accuracy with predicted parameters, 0 to 1. */
  readonly predicted: number;
  /** Accuracy with parameters initialised at random, 0 to 1. */
  readonly random: number;
}

const COLUMNS = [
  ['network', 18],
  ['layers', 6],
  ['parameters', 12],
  ['time', 10],
  ['predicted', 12],
  ['random', 10],
] as const;

/** The table's first line. */
export function header(): string {
  return line(COLUMNS.map(([title]) => title));
}

export function row({ name, layers, parameters, latency, predicted, random }: Row): string {
  const time = `${latency.toFixed(0)} ms`;
  return line([
    name,
    `${layers}`,
    parameters.toLocaleString('en'),
    time,
    percent(predicted),
    percent(random),
  ]);
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, k) => (k === 0 ? cell.padEnd(COLUMNS[k][1]) : cell.padStart(COLUMNS[k][1])))
    .join('');
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
