import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safetensors } from '../../src/format/safetensors.js';
import { tiled } from '../../src/format/tiled.js';
import { DTYPES, encode } from '../../src/tensor/dtype.js';
import { tensorSource } from '../../src/tensor/tensor.js';
import { expand, storedSource, tensorOf, tiledTensors } from '../tensor/arbitrary.js';
import { ranges, read, within } from './bytes.js';
import { parseSafetensors } from './files.js';

const named = fc
  .array(tiledTensors({ maxSize: 5 }), { maxLength: 5 })
  .map((tensors) => tensors.map((tensor, index) => ({ ...tensor, name: `layer${index}.weight` })));

describe('a safetensors file', () => {
  test('holds every tensor whole, in order and without gaps, from a multiple of 8 on', async () => {
    await fc.assert(
      fc.asyncProperty(named, fc.constantFrom(...DTYPES), async (tensors, dtype) => {
        const file = parseSafetensors(
          await read(safetensors(tensors.map(storedSource), dtype, { format: 'pt' })),
        );
        expect(file.dataStart % 8).toBe(0);
        expect(file.metadata).toEqual({ format: 'pt' });
        expect(file.tensors.map(({ name, shape, dtype }) => ({ name, shape, dtype }))).toEqual(
          tensors.map(({ name, shape }) => ({ name, shape, dtype })),
        );
        let offset = 0;
        for (const [index, { offsets, bytes }] of file.tensors.entries()) {
          expect(offsets[0]).toBe(offset);
          expect(bytes).toEqual(encode(expand(tensors[index]), dtype));
          offset = offsets[1];
        }
        expect(file.dataLength).toBe(offset);
      }),
      { numRuns: 100 },
    );
  });

  test('has the same bytes in every range as in the whole', async () => {
    await fc.assert(
      fc.asyncProperty(named, ranges, async (tensors, fractions) => {
        const file = () => safetensors(tensors.map(tensorSource), 'F16', {});
        const whole = await read(file());
        for (const fraction of fractions) {
          const [start, end] = within(whole.byteLength, fraction);
          expect(await read(file(), start, end)).toEqual(whole.subarray(start, end));
        }
      }),
      { numRuns: 100 },
    );
  });

  test('keeps the order of names that look like numbers, and accepts any name', async () => {
    const names = ['10', '2', 'a"b\\c', '层.weight', 'toString'];
    const file = parseSafetensors(
      await read(
        safetensors(
          names.map((name) => tensorSource(tensorOf(name, [1]))),
          'F32',
          {},
        ),
      ),
    );
    const places = names.map((name) => file.header.indexOf(`${JSON.stringify(name)}:`));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(file.tensors.map(({ name }) => name).sort()).toEqual([...names].sort());
  });

  test('can hold scalars, empty tensors and nothing', async () => {
    const tensors = [tensorOf('empty', [0, 3]), tensorOf('scalar', []), tensorOf('none', [2, 0])];
    const file = parseSafetensors(await read(safetensors(tensors.map(tensorSource), 'F32', {})));
    expect(file.tensors.map(({ offsets }) => offsets)).toEqual([
      [0, 0],
      [0, 4],
      [4, 4],
    ]);
    expect(parseSafetensors(await read(safetensors([], 'F32', {}))).tensors).toEqual([]);
  });
});

describe('a tiled file', () => {
  test('gives the whole tensors: each block is repeated and cut to its shape in the metadata', async () => {
    await fc.assert(
      fc.asyncProperty(named, async (tensors) => {
        const file = parseSafetensors(await read(tiled(tensors.map(storedSource), 'F32', { format: 'pt' })));
        const { shapes, ...metadata } = file.metadata;
        expect(metadata).toEqual({ format: 'pt' });
        const targets = JSON.parse(shapes) as Record<string, number[]>;
        const whole = file.tensors.map(({ name, shape, bytes }) =>
          expand({
            name,
            shape: targets[name],
            blockShape: shape,
            block: new Float32Array(bytes.slice().buffer),
          }),
        );
        expect(whole).toEqual(tensors.map(expand));
      }),
      { numRuns: 100 },
    );
  });

  test('is no larger than its blocks and their names', async () => {
    const tensor = tensorOf('fc.weight', [4096, 4096], [64, 64]);
    expect(tiled([tensorSource(tensor)], 'F32', {}).byteLength).toBeLessThan(64 * 64 * 4 + 200);
  });

  test('has shapes of tensors with the names of JavaScript’s properties', async () => {
    const file = tiled([tensorSource(tensorOf('__proto__', [6], [3]))], 'F32', {});
    const { header } = parseSafetensors(await read(file));
    expect(header).toContain(JSON.stringify('{"__proto__":[6]}'));
  });
});
