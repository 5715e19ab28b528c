/** Formats milliseconds for people: the median, the 95th percentile and the maximum. */
export function distribution(milliseconds: readonly number[]): string {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1]!);
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms, at most ${at(1)} ms`;
}
