import { describe, expect, it } from 'vitest';
import { jsonShape, MAX_KEYS } from '../../../src/http/requests/json-shape.js';

const shape = (text: string) => jsonShape(Buffer.from(text));
const object = (keys: number) =>
  `{${Array.from({ length: keys }, (_, index) => `"k${index.toString(36)}": 1`).join()}}`;

describe('the shape of a JSON text', () => {
  it('counts objects and arrays, except inside strings', () => {
    expect(shape('{"a": [{}, [1], "{[\\"[{\\\\"]}').objects).toBe(4);
  });

  it('counts different keys, however often and in whatever order they occur', () => {
    const many = object(1000);
    expect(shape(`[${Array(200).fill(many).join()}]`).hasTooManyKeys).toBe(false);
    expect(shape(object(MAX_KEYS)).hasTooManyKeys).toBe(false);
    expect(shape(object(MAX_KEYS + 1)).hasTooManyKeys).toBe(true);
    expect(
      shape(`[${Array.from({ length: MAX_KEYS + 1 }, (_, k) => `{"${k}":0}`).join()}]`).hasTooManyKeys,
    ).toBe(true);
  });

  it('does not count strings that are values', () => {
    expect(
      shape(`[${Array.from({ length: 2 * MAX_KEYS }, (_, k) => `"${k}:"`).join()}]`).hasTooManyKeys,
    ).toBe(false);
  });

  it('is found for text that is cut off anywhere', () => {
    const text = '{"a\\"": ["\\\\';
    for (let end = 0; end <= text.length; end++) expect(shape(text.slice(0, end)).hasTooManyKeys).toBe(false);
  });
});
