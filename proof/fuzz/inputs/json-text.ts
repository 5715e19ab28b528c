import fc from 'fast-check';
import { changes } from './bytes.js';
import { mutate, mutationsTo, strangeMutations } from './json.js';
import { lengthen, lengthenings } from './lengthened.js';

/** Depth of the forms of architectures: the tensors of a Keras model are at this level. */
const DEPTH = 9;

const garbled = fc.record({
  at: fc.nat(),
  length: fc.nat(20),
  inserted: fc.string({ unit: 'binary', maxLength: 6 }),
});

/** Deeply nested arrays or objects that replace one of a text's values. */
const nested = fc.record({
  at: fc.nat(),
  depth: fc.integer({ min: 50, max: 60_000 }),
  isObject: fc.boolean(),
});

function nest(
  text: string,
  { at, depth, isObject }: { at: number; depth: number; isObject: boolean },
): string {
  const deep = isObject
    ? `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    : '['.repeat(depth) + ']'.repeat(depth);
  const places = [...text.matchAll(/(?<=[:[,])\s*("[^"]*"|-?\d+|true|false|null)(?=[,\]}])/g)];
  if (places.length === 0) return deep;
  const { index, 0: value } = places[at % places.length]!;
  return text.slice(0, index) + deep + text.slice(index + value.length);
}

/** JSON texts made from these values: changed in a few places, lengthened, nested, garbled, or unrelated. */
export function jsonTexts(
  samples: readonly unknown[],
  corpus: readonly Buffer[],
  generated: fc.Arbitrary<unknown>,
): fc.Arbitrary<Buffer> {
  const sample = fc.constantFrom(...samples);
  const text = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '');
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .tuple(sample, mutationsTo(DEPTH))
        .map(([value, mutations]) => text(mutate(value, mutations))),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(sample, strangeMutations)
        .map(([value, mutations]) => text(mutate(value, mutations))),
    },
    { weight: 4, arbitrary: generated.map(text) },
    {
      weight: 1,
      arbitrary: fc.tuple(sample, garbled).map(([value, { at, length, inserted }]) => {
        const whole = JSON.stringify(value);
        const start = at % whole.length;
        return Buffer.from(whole.slice(0, start) + inserted + whole.slice(start + length));
      }),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(sample, nested)
        .map(([value, how]) => Buffer.from(nest(JSON.stringify(value), how))),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(sample, lengthenings).map(([value, how]) => text(lengthen(value, how))),
    },
    ...(corpus.length > 0
      ? [
          {
            weight: 2,
            arbitrary: fc.tuple(fc.constantFrom(...corpus), changes).map(([file, apply]) => apply(file)),
          },
        ]
      : []),
  );
}
