import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonText, joined, jsonOf, parsed, splitOff } from '../src/json-text.js';

const fields = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.option(fc.jsonValue(), { nil: undefined }));

const text = (value: unknown) => JSON.stringify(value);

describe('JSON with parts that are texts already', () => {
  it('equals the JSON of the values', () => {
    fc.assert(
      fc.property(fields, fc.array(fc.nat(10)), (object, which) => {
        const some = Object.fromEntries(
          Object.entries(object).map(([key, value], index) =>
            which.includes(index) && value !== undefined ? [key, JsonText.of(value)] : [key, value],
          ),
        );
        expect(jsonOf(some).toString()).toBe(text(object));
        expect(Object.fromEntries(Object.entries(some).map(([key, value]) => [key, parsed(value)]))).toEqual(
          object,
        );
      }),
    );
  });

  it('joins two objects', () => {
    const [first, second] = ['a', 'b'].map((prefix) =>
      fields.map((object) =>
        Object.fromEntries(Object.entries(object).map(([key, value]) => [prefix + key, value])),
      ),
    );
    fc.assert(
      fc.property(first, second, (one, other) => {
        expect(joined(JsonText.of(one), other).toString()).toBe(text({ ...one, ...other }));
        expect(joined(one, other).toString()).toBe(text({ ...one, ...other }));
      }),
    );
  });

  it('is split at the last keys of an object, whatever the values contain', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.string()), fc.jsonValue(), (first, second, third) => {
        const whole = { a: [text(first), ',"second":'], second, third };
        const { head, values } = splitOff(Buffer.from(text(whole)), ['second', 'third']);
        expect(head.toString()).toBe(text({ a: whole.a }));
        expect([values.second, values.third].map((value) => value?.bytes.toString())).toEqual([
          text(second),
          text(third),
        ]);
        const { head: same, values: none } = splitOff(Buffer.from(text({ a: whole.a })), ['second']);
        expect([JSON.parse(same.toString()), none]).toEqual([{ a: whole.a }, {}]);
      }),
    );
  });
});
