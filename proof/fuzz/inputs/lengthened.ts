import fc from 'fast-check';

const MIB = 2 ** 20;

/** Length of a body: some hundred kilobytes, and rarely close to MAX_BODY_BYTES. */
export const lengths = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1000, max: 300_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 12 * MIB, max: 15 * MIB }) },
);

interface Lengthening {
  readonly at: number;
  readonly bytes: number;
  /**
   * Text between a name and the number of its copy, which gives each copy its own names and ids; null to copy names
   * unchanged.
   */
  readonly rename: string | null;
}

/** Random parameters that lengthen a list or an object. */
export const lengthenings: fc.Arbitrary<Lengthening> = fc.record({
  at: fc.nat(),
  bytes: lengths,
  rename: fc.constantFrom(null, '', '.a'.repeat(200)),
});

/** A long key, so that a body with such keys does not have too many to be parsed. */
const KEY = 'key'.repeat(30);

/** Lengthens a list in a value by repeating one of its items, or an object by adding keys. */
export function lengthen(value: unknown, { at, bytes, rename }: Lengthening): unknown {
  const whole = structuredClone(value);
  const containers: object[] = [];
  const collect = (item: unknown): void => {
    if (typeof item !== 'object' || item === null) return;
    if (Object.keys(item).length > 0) containers.push(item);
    for (const child of Object.values(item)) collect(child);
  };
  collect(whole);
  if (containers.length === 0) return whole;
  const container = containers[at % containers.length]!;
  const items = Object.values(container) as unknown[];
  const text = JSON.stringify(items[(at >>> 8) % items.length]);
  const copyOf = (number: number): unknown =>
    JSON.parse(
      rename === null
        ? text
        : text.replaceAll(
            /"(name|id)":"([^"\\]*)"/g,
            (_, key, name) => `"${key}":"${name}${rename}${number}"`,
          ),
    );
  let left = bytes;
  for (let number = 0; left > 0; number++) {
    const copy = copyOf(number);
    const isList = Array.isArray(container);
    left -= JSON.stringify(copy).length + 1 + (isList ? 0 : KEY.length + 10);
    // Millions of empty objects take a second to parse in any service.
    left -= text.length <= 2 && typeof copy === 'object' ? 10 : 0;
    if (isList) container.push(copy);
    else (container as Record<string, unknown>)[`${KEY}${number}`] = copy;
  }
  return whole;
}
