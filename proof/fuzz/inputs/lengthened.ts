import fc from 'fast-check';

const MIB = 2 ** 20;

/** How long a body becomes: some hundred kilobytes, now and then nearly MAX_BODY_BYTES. */
export const lengths = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1000, max: 300_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 12 * MIB, max: 15 * MIB }) },
);

interface Lengthening {
  readonly at: number;
  readonly bytes: number;
  /** Whether each copy gets names and ids of its own, with this between them and its number; null where it does not. */
  readonly rename: string | null;
}

/** What has a list, or an object, grow to a length. */
export const lengthenings: fc.Arbitrary<Lengthening> = fc.record({
  at: fc.nat(),
  bytes: lengths,
  rename: fc.constantFrom(null, '', '.a'.repeat(200)),
});

/** Longer, so that a body of them is not too many to be parsed at all. */
const KEY = 'key'.repeat(30);

/** A list in a value becomes long: one of its items again and again; or an object does, of keys as long as names. */
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
    // Millions of empty objects take a second to be parsed, whoever reads them then.
    left -= text.length <= 2 && typeof copy === 'object' ? 10 : 0;
    if (isList) container.push(copy);
    else (container as Record<string, unknown>)[`${KEY}${number}`] = copy;
  }
  return whole;
}
