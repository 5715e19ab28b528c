import fc from 'fast-check';
import { MAX_PATTERN_LENGTH, NamePattern, PatternError } from '../../../src/format/pattern.js';
import { BadCursorError, decodeCursor, encodeCursor } from '../../../src/store/list.js';
import { changed } from '../inputs/bytes.js';
import { GARBAGE_BYTES, type Target } from './target.js';

const MEMORY = { constant: GARBAGE_BYTES, factor: 100, reason: 'a name or a cursor is copied a few times' };

/** Separates the pattern from the name of a tensor. */
const SEPARATOR = '\n';

const piece = fc.constantFrom(
  '*',
  '*',
  ',',
  '\\',
  '\\*',
  '\\,',
  '\\\\',
  'a',
  'b',
  'layer1',
  '.',
  'weight',
  '\u0000',
  '🦆',
);
const text = (max: number) => fc.array(piece, { maxLength: max }).map((pieces) => pieces.join(''));

/** Inputs for which a search with backtracking would take years: many stars, and a name that nearly matches. */
const backtracking = fc
  .tuple(
    fc.integer({ min: 1, max: 3000 }),
    fc.constantFrom('a', 'ab', 'aa'),
    fc.integer({ min: 1, max: 8000 }),
  )
  .map(([stars, unit, length]) => `${`${unit}*`.repeat(stars)}b${SEPARATOR}${'a'.repeat(length)}`);

/** Matches by trying every length of every star, and visits each state once. */
function matches(pattern: string, name: string): boolean {
  return alternatives(pattern).some((tokens) => {
    let states = new Set([0]);
    const close = (set: Set<number>) => {
      for (const state of set) if (tokens[state] === null) set.add(state + 1);
      return set;
    };
    states = close(states);
    for (const character of name.split('')) {
      const next = new Set<number>();
      for (const state of states) {
        if (tokens[state] === null) next.add(state);
        else if (tokens[state] === character) next.add(state + 1);
      }
      states = close(next);
    }
    return states.has(tokens.length);
  });
}

/** Splits a pattern into names, each as a list of its characters, with null for a star. */
function alternatives(pattern: string): (string | null)[][] {
  const names: (string | null)[][] = [[]];
  for (let at = 0; at < pattern.length; at++) {
    if (pattern[at] === ',') names.push([]);
    else if (pattern[at] === '*') names.at(-1)!.push(null);
    else names.at(-1)!.push(pattern[at] === '\\' ? pattern[++at]! : pattern[at]!);
  }
  return names;
}

/** Limit of steps up to which the result is compared with that of the slow algorithm. */
const COMPARED = 200_000;

const patterns: Target = {
  name: 'patterns',
  share: 5,
  memory: MEMORY,
  inputs: (corpus) =>
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.tuple(text(12), text(8)).map((parts) => Buffer.from(parts.join(SEPARATOR))),
      },
      { weight: 1, arbitrary: text(6000).map((all) => Buffer.from(all)) },
      { weight: 1, arbitrary: backtracking.map((all) => Buffer.from(all)) },
      {
        weight: 1,
        arbitrary: fc
          .string({ unit: 'binary', maxLength: MAX_PATTERN_LENGTH + 10 })
          .map((all) => Buffer.from(all)),
      },
      ...(corpus.length > 0 ? [{ weight: 2, arbitrary: changed(corpus) }] : []),
    ),
  valid: () => Buffer.from(`layer1.*,fc.weight${SEPARATOR}layer1.0.weight`),
  open: async () => ({
    run: async (input) => {
      const [pattern = '', name = ''] = input.toString().split(SEPARATOR);
      try {
        const found = new NamePattern(pattern).matches(name);
        if (pattern.length * name.length < COMPARED && found !== matches(pattern, name)) {
          throw new Error(`${JSON.stringify(pattern)} says ${found} of ${JSON.stringify(name)}`);
        }
        return 'accepted';
      } catch (error) {
        if (error instanceof PatternError) return 'refused';
        throw error;
      }
    },
    close: async () => {},
  }),
};

const cursors: Target = {
  name: 'cursors',
  share: 3,
  memory: MEMORY,
  inputs: (corpus) =>
    fc.oneof(
      fc
        .record({ createdAt: fc.nat(Number.MAX_SAFE_INTEGER), id: fc.stringMatching(/^[0-9a-f]{16,64}$/) })
        .map((position) => Buffer.from(encodeCursor(position))),
      fc.string({ maxLength: 90 }).map((all) => Buffer.from(Buffer.from(all).toString('base64url'))),
      fc
        .stringMatching(/^\d{1,20}\.[0-9a-f]{0,70}$/)
        .map((all) => Buffer.from(Buffer.from(all).toString('base64url'))),
      fc.string({ unit: 'binary', maxLength: 300 }).map((all) => Buffer.from(all)),
      changed([Buffer.from(encodeCursor({ createdAt: 1.7e12, id: 'a1b2c3d4e5f60718' })), ...corpus]),
    ),
  valid: () => Buffer.from(encodeCursor({ createdAt: 1.7e12, id: 'a1b2c3d4e5f60718' })),
  open: async () => ({
    run: async (input) => {
      try {
        const cursor = input.toString();
        if (encodeCursor(decodeCursor(cursor)) !== cursor)
          throw new Error('another cursor when it is written again');
        return 'accepted';
      } catch (error) {
        if (error instanceof BadCursorError) return 'refused';
        throw error;
      }
    },
    close: async () => {},
  }),
};

export const FORMAT_TARGETS: readonly Target[] = [patterns, cursors];
