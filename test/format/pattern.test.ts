import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NamePattern, PatternError } from '../../src/format/pattern.js';

const matches = (list: string, name: string) => new NamePattern(list).matches(name);

describe('name patterns', () => {
  test.each([
    ['fc.weight', 'fc.weight', true],
    ['fc.weight', 'fc.weight2', false],
    ['fc.weight', 'fcxweight', false],
    ['layer1.*', 'layer1.0.conv1.weight', true],
    ['layer1.*', 'layer1.', true],
    ['layer1.*', 'layer10.0.conv1.weight', false],
    ['*.bias', 'fc.bias', true],
    ['*.bias', 'fc.bias.running', false],
    ['layer*.conv*.weight', 'layer1.0.conv2.weight', true],
    ['layer*.conv*.weight', 'layer1.0.bn2.weight', false],
    ['*', 'anything', true],
    ['**', '', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*ab*ab*', 'xabyab', true],
    ['*ab*ab', 'xab', false],
    ['layer1.*,fc.weight', 'fc.weight', true],
    ['layer1.*,fc.weight', 'layer1.0.bn.bias', true],
    ['layer1.*,fc.weight', 'fc.bias', false],
    ['a\\,b', 'a,b', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['a\\\\*', 'a\\b', true],
    ['(a+)+$', '(a+)+$', true],
  ])('%j on %j: %s', (list, name, expected) => {
    expect(matches(list, name)).toBe(expected);
  });

  test('match the same names as a regular expression with .* for *', () => {
    const word = fc
      .array(fc.constantFrom('a', 'b', '.', '*'), { maxLength: 8 })
      .map((letters) => letters.join(''));
    fc.assert(
      fc.property(
        word.filter((pattern) => pattern !== ''),
        word,
        (pattern, name) => {
          const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
          expect(matches(pattern, name)).toBe(expression.test(name));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('match exactly an escaped name', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 20 }), fc.string({ maxLength: 20 }), (name, other) => {
        const escaped = name.replace(/[\\,*]/g, '\\$&');
        expect(matches(escaped, name)).toBe(true);
        expect(matches(escaped, other)).toBe(name === other);
      }),
    );
  });

  test('keep their text', () => {
    expect(new NamePattern('layer1.*,a\\,b').text).toBe('layer1.*,a\\,b');
  });

  test.each([
    ['', 'no name at character 1'],
    ['a,,b', 'no name at character 3'],
    ['a,', 'no name at character 3'],
    ['a\\', 'backslash at character 2'],
    ['a\\d', 'backslash at character 2'],
    ['a'.repeat(16_385), '16385 characters'],
    [Array(65).fill('a*').join(','), '65 names with a *, more than 64'],
    [Array(9).fill('a*b*').join(','), '9 names with something between two *, more than 8'],
  ])('refuse %j', (list, message) => {
    expect(() => new NamePattern(list)).toThrow(PatternError);
    expect(() => new NamePattern(list)).toThrow(message);
  });

  test('answer at once if backtracking would take years', () => {
    expect(matches(`${'*a'.repeat(1000)}*b`, 'a'.repeat(5000))).toBe(false);
  });

  test('answer soon for the longest names of the largest network', () => {
    const names = Array.from({ length: 10_000 }, (_, k) => 'ab'.repeat(254) + String(k).padStart(4, '0'));
    for (const fragment of [
      `${'ab'.repeat(120)}c`,
      `c${'ab'.repeat(120)}`,
      `${'ab'.repeat(60)}b${'ab'.repeat(60)}`,
    ]) {
      const pattern = new NamePattern(Array(8).fill(`*${fragment}*`).join(','));
      expect(names.some((name) => pattern.matches(name))).toBe(false);
    }
  });
});
