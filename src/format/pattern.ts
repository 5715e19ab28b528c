/** Fits into a URL even with each character escaped (see the service's limit for headers). */
export const MAX_PATTERN_LENGTH = 8192;

/**
 * Limit of names with stars, since each is compared with every tensor's name. Names without a star cost nearly nothing,
 * however many there are.
 */
const MAX_STARRED = 64;

/**
 * Limit of fragments between two stars. Each is searched for in every tensor's name, which at worst takes the product
 * of both lengths: 64 fragments would take a second for 10,000 names of the maximum length, and nothing else is
 * answered meanwhile.
 */
const MAX_SEARCHED = 8;

export class PatternError extends Error {}

/**
 * A selection of tensors by their names: a comma-separated list, in which `*` stands for any sequence of characters,
 * including none. A backslash before a comma, a star or a backslash makes it an ordinary character.
 */
export class NamePattern {
  /** The pattern's text. */
  readonly text: string;
  readonly #names = new Set<string>();
  readonly #starred: Starred[] = [];

  /** @throws PatternError that names the fault and its place */
  constructor(text: string) {
    this.text = text;
    for (const fragments of parse(text)) {
      if (fragments.length === 1) this.#names.add(fragments[0]);
      else this.#starred.push(starred(fragments));
    }
    if (this.#starred.length > MAX_STARRED) {
      throw new PatternError(`there are ${this.#starred.length} names with a *, more than ${MAX_STARRED}`);
    }
    const searched = this.#starred.filter(({ middle }) => middle.length > 0).length;
    if (searched > MAX_SEARCHED) {
      throw new PatternError(
        `there are ${searched} names with something between two *, more than ${MAX_SEARCHED}`,
      );
    }
  }

  matches(name: string): boolean {
    return this.#names.has(name) || this.#starred.some((pattern) => matchesStarred(pattern, name));
  }
}

/** The fragments of a name with stars: before the first star, between two stars, and after the last star. */
interface Starred {
  readonly beginning: string;
  readonly middle: readonly string[];
  readonly end: string;
}

function starred(fragments: readonly string[]): Starred {
  return {
    beginning: fragments[0],
    middle: fragments.slice(1, -1).filter(Boolean),
    end: fragments[fragments.length - 1],
  };
}

/**
 * Matches each fragment at its first occurrence after the one before. If any positions match, these do, and no position
 * is tried twice.
 */
function matchesStarred({ beginning, middle, end }: Starred, name: string): boolean {
  if (!name.startsWith(beginning) || !name.endsWith(end)) return false;
  let at = beginning.length;
  for (const fragment of middle) {
    const found = name.indexOf(fragment, at);
    if (found === -1) return false;
    at = found + fragment.length;
  }
  return at <= name.length - end.length;
}

/** Splits the list into names, and each name into the fragments between its stars. */
function parse(text: string): string[][] {
  if (text.length > MAX_PATTERN_LENGTH) {
    throw new PatternError(`the names are ${text.length} characters long, more than ${MAX_PATTERN_LENGTH}`);
  }
  const names: string[][] = [];
  let fragments = [''];
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const character = text[at];
    if (at === text.length || character === ',') {
      if (at === start) throw new PatternError(`there is no name at character ${start + 1}`);
      names.push(fragments);
      fragments = [''];
      start = at + 1;
    } else if (character === '*') {
      fragments.push('');
    } else if (character === '\\') {
      at++;
      const literal = text[at];
      if (literal !== ',' && literal !== '*' && literal !== '\\') {
        throw new PatternError(`the backslash at character ${at} is not before a comma, a * or a backslash`);
      }
      fragments[fragments.length - 1] += literal;
    } else {
      fragments[fragments.length - 1] += character;
    }
  }
  return names;
}
