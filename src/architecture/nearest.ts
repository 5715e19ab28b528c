/** Names further apart than this are hardly a slip of the pen. */
const MAX_DISTANCE = 3;
const MAX_NAMES = 3;
/** More names than a network has layers that people name themselves; it bounds what a hostile one can cost. */
const MAX_COMPARED = 10_000;

/**
 * The known names that `name` was probably meant to be, nearest first: few edits away, or one a part of the other.
 * Takes time in proportion to the known names, whatever their length.
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

/** Names that other tools use, without case and separators, and the names that are used here. */
export type Aliases = Readonly<Record<string, string>>;

/** '; did you mean "a" or "b"?' or, where nothing is near, ''. */
export function didYouMean(name: string, known: Iterable<string>, aliases: Aliases = {}): string {
  const folded = fold(name);
  const alias = Object.hasOwn(aliases, folded) ? aliases[folded] : undefined;
  const names = (alias === undefined ? nearest(name, known) : [alias]).map((candidate) => `"${candidate}"`);
  return names.length > 0 ? `; did you mean ${names.join(' or ')}?` : '';
}

/** The number of names for which a Hints object gives hints. More would only take time. */
const MAX_HINTS = 10;

/** Hints at what the names in one request were meant to be. */
export class Hints {
  #left = MAX_HINTS;

  /** As didYouMean; '' once there were enough. */
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

/** Levenshtein's distance, or null where it is above `max`; only the diagonal band that can matter is computed. */
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
