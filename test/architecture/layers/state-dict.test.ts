import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { inPyTorchOrder } from '../../../src/architecture/layers/state-dict.js';

const ordered = (names: readonly string[]): string[] =>
  inPyTorchOrder(names.map((name) => ({ name }))).map(({ name }) => name);

/**
 * Orders names by PyTorch's own rule, module by module: its tensors, and then its modules in the order in which they
 * were first named.
 */
function moduleByModule(names: readonly string[], prefix = ''): string[] {
  const inside = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const own = inside.filter((name) => !name.includes('.'));
  const modules = new Set(inside.flatMap((name) => name.match(/^[^.]*\./) ?? []));
  return [
    ...own.map((name) => prefix + name),
    ...[...modules].flatMap((module) => moduleByModule(names, prefix + module)),
  ];
}

it('a module’s tensors come before those of its submodules, and otherwise all keep their order', () => {
  expect(ordered(['b.conv.weight', 'token', 'a.weight', 'b.scale', 'b.conv.bias'])).toEqual([
    'token',
    'b.scale',
    'b.conv.weight',
    'b.conv.bias',
    'a.weight',
  ]);
});

it('any names, including empty parts and equal ones, follow PyTorch’s rule', () => {
  const name = fc
    .array(fc.constantFrom('a', 'b', 'ab', ''), { maxLength: 6 })
    .map((parts) => parts.join('.'));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 12 }), (names) => {
      expect(ordered(names)).toEqual(moduleByModule(names));
    }),
    { numRuns: 2000 },
  );
});

it('names of hundreds of parts do not create a module for each part', () => {
  const set = vi.spyOn(Map.prototype, 'set');
  ordered(Array.from({ length: 1000 }, (_, i) => `${i >> 1}${'.a'.repeat(250)}.${i}`));
  const modules = set.mock.calls.length;
  set.mockRestore();
  expect(modules).toBeLessThan(2000);
});
