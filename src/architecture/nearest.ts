/** Names that differ by more edits than this are hardly typing errors. */
const MAX_DISTANCE = 3;
const MAX_NAMES = 3;
/** More names than people give to layers by hand. This limits the cost of a hostile network. */
const MAX_COMPARED = 10_000;

/**
 * The known names that `name` probably stands for, nearest first: a few edits away, or one contains the other. The time
 * is proportional to the number of known names, whatever their length.
 */
function nearest(name: string, known: Iterable<string>): string[] {
  const wanted = fold(name);
  const found: { known: string; distance: number }[] = [];
  let compared = 0;
  for (const candidate of known) {
    if (compared++ === MAX_COMPARED) break;
    const folded = fold(candidate);
    const part =
      wanted.length > 2 && folded.length > 2 && (folded.includes(wanted) || wanted.includes(folded));
    const distance = editDistance(wanted, folded, Math.min(MAX_DISTANCE, Math.ceil(wanted.length / 3)));
    if (distance !== null) found.push({ known: candidate, distance });
    else if (part) found.push({ known: candidate, distance: MAX_DISTANCE + 1 });
  }
  found.sort((a, b) => a.distance - b.distance);
  return found.slice(0, MAX_NAMES).map((entry) => entry.known);
}

/** The names used here, by the names that other tools use (without case and separators). */
export type Aliases = Readonly<Record<string, string>>;

/** Returns '; did you mean "a" or "b"?', or '' if no name is near. */
export function didYouMean(name: string, known: Iterable<string>, aliases: Aliases = {}): string {
  const folded = fold(name);
  const alias = Object.hasOwn(aliases, folded) ? aliases[folded] : undefined;
  const names = (alias === undefined ? nearest(name, known) : [alias]).map((candidate) => `"${candidate}"`);
  return names.length > 0 ? `; did you mean ${names.join(' or ')}?` : '';
}

/** The number of names for which a Hints object gives hints. More would only take time. */
const MAX_HINTS = 10;

/** Gives hints for misspelt names in one request. */
export class Hints {
  #left = MAX_HINTS;

  /** Like didYouMean, but returns '' after MAX_HINTS names. */
  for(name: string, known: Iterable<string>, aliases?: Aliases): string {
    return this.#left-- > 0 ? didYouMean(name, known, aliases) : '';
  }
}

/** Longer names are compared by their beginnings. */
const COMPARED_LENGTH = 64;

function fold(name: string): string {
  return name
    .slice(0, COMPARED_LENGTH)
    .toLowerCase()
    .replaceAll(/[\s_.-]/g, '');
}

/** Levenshtein distance, or null if it is above `max`. Computes only the diagonal band that can matter. */
function editDistance(a: string, b: string, max: number): number | null {
  if (a === b) return 0;
  if (Math.abs(a.length - b.length) > max) return null;
  let row = new Uint8Array(b.length + 1).map((_, j) => j);
  let next = new Uint8Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    next.fill(max + 1);
    if (i <= max) next[0] = i;
    let least = next[0]!;
    for (let j = Math.max(1, i - max); j <= Math.min(b.length, i + max); j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const distance = Math.min(replaced, row[j]! + 1, next[j - 1]! + 1);
      next[j] = distance;
      least = Math.min(least, distance);
    }
    if (least > max) return null;
    [row, next] = [next, row];
  }
  return row[b.length]! <= max ? row[b.length]! : null;
}
