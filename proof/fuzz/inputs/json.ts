import fc from 'fast-check';

/** A change of one place in a JSON value, which the steps lead to. */
export interface Mutation {
  /**
   * The child to visit at each level, modulo the number of children. Fewer steps are used if the value is less deep.
   */
  readonly steps: readonly number[];
  readonly kind: 'replace' | 'remove' | 'repeat' | 'swap' | 'rename';
  readonly value: unknown;
}

const JSON_VALUES = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    1,
    3.5,
    1e308,
    '',
    'input',
    'conv',
    'conv1',
    '__proto__',
    [],
    {},
  ),
  fc.constantFrom<unknown>([1], [10, 16], [64, 64, 3, 3], [1, 2, 3, 4, 5], ['conv1', 'input'], ['fc', 'fc']),
  fc.integer({ min: -3, max: 10_000 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Huge numbers, and strings and keys that often cause faults. */
const STRANGE = fc.constantFrom<unknown>(
  Number.MAX_SAFE_INTEGER,
  -(2 ** 53),
  2 ** 31,
  5e-324,
  1e308,
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\ud800',
  '../../etc/passwd',
  'a'.repeat(5000),
  'a'.repeat(200_000),
  '🦆'.repeat(300),
  Array(2000).fill(1),
  Array(500).fill('input'),
);

/** Replaces one or two values or keys by strange ones. */
export const strangeMutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    steps: fc.array(fc.nat(10_000), { minLength: 1, maxLength: 8 }),
    kind: fc.constantFrom('replace' as const, 'rename' as const),
    value: STRANGE,
  }),
  { minLength: 1, maxLength: 2 },
);

/** Makes one to three changes, down to the given depth. */
export const mutationsTo = (depth: number): fc.Arbitrary<Mutation[]> =>
  fc.array(
    fc.record({
      steps: fc.array(fc.nat(10_000), { minLength: 1, maxLength: depth }),
      kind: fc.constantFrom('replace', 'remove', 'repeat', 'swap', 'rename'),
      value: JSON_VALUES,
    }),
    { minLength: 1, maxLength: 3 },
  );

export const mutations = mutationsTo(6);

/** Returns a changed copy of the value. */
export function mutate(valid: unknown, changes: readonly Mutation[]): unknown {
  const whole = structuredClone({ valid });
  for (const change of changes) apply(whole, change);
  return whole.valid;
}

function apply(whole: object, { steps, kind, value }: Mutation): void {
  let parent: Record<PropertyKey, unknown> = whole as Record<PropertyKey, unknown>;
  let key = 'valid';
  for (const step of steps) {
    const child = parent[key];
    if (typeof child !== 'object' || child === null || Object.keys(child).length === 0) break;
    parent = child as Record<PropertyKey, unknown>;
    const keys = Object.keys(parent);
    key = keys[step % keys.length]!;
  }
  const items = Array.isArray(parent) ? parent : null;
  const index = Number(key);
  if (kind === 'replace') define(parent, key, structuredClone(value));
  else if (kind === 'repeat' && items) items.splice(index, 0, structuredClone(items[index]));
  else if (kind === 'swap' && items) [items[0], items[index]] = [items[index], items[0]];
  else if (kind === 'rename' && !items) define(parent, JSON.stringify(value), parent[key]);
  else if (items) items.splice(index, 1);
  else delete parent[key];
}

/** Sets a key as JSON.parse does, for which `__proto__` is a key like any other. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
