/** One line of Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Parses Prometheus' text format, without comments. */
export function readMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line): Sample[] => {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!found) return [];
    const labels: Record<string, string> = {};
    for (const [, key, text] of (found[2] ?? '').matchAll(/(?<![\w])(\w+)="((?:[^"\\]|\\.)*)"/g))
      labels[key] = text;
    return [{ name: found[1], labels, value: Number(found[3]) }];
  });
}

/** Returns the sum of a metric's samples; null if it has none. */
export function total(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | null {
  const matching = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
  );
  return matching.length === 0 ? null : matching.reduce((sum, { value }) => sum + value, 0);
}

/** Returns the mean of a histogram's observations between two scrapes; null if there were none. */
export function meanBetween(
  before: readonly Sample[],
  after: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number | null {
  const difference = (suffix: string) =>
    (total(after, name + suffix, labels) ?? 0) - (total(before, name + suffix, labels) ?? 0);
  const seen = difference('_count');
  return seen > 0 ? difference('_sum') / seen : null;
}
