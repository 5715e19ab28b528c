import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecentChecksums } from '../../src/format/checksums.js';
import { npz } from '../../src/format/npz.js';
import { encode } from '../../src/tensor/dtype.js';
import { type TiledTensor, tensorSource } from '../../src/tensor/tensor.js';
import { expand, storedSource, tensorOf, tiledTensors } from '../tensor/arbitrary.js';
import { ranges, read, within } from './bytes.js';
import { PYTHON, readZipEntries } from './files.js';

const named = fc
  .array(tiledTensors({ maxSize: 6 }), { minLength: 1, maxLength: 4 })
  .map((tensors) => tensors.map((tensor, index) => ({ ...tensor, name: `层${index}.weight` })));

/** Parses an .npy file by numpy's description of the format. */
function parseNpy(bytes: Buffer) {
  expect(bytes.subarray(0, 8)).toEqual(Buffer.from('\x93NUMPY\x01\x00', 'latin1'));
  const dataStart = 10 + bytes.readUInt16LE(8);
  expect(dataStart % 64).toBe(0);
  const header = bytes.toString('latin1', 10, dataStart);
  expect(header.endsWith('\n')).toBe(true);
  const match = /^\{'descr': '(\S+)', 'fortran_order': False, 'shape': \(([^)]*)\), \} *\n$/.exec(header);
  const shape = match![2].split(',').filter((size) => size.trim() !== '');
  return { type: match![1], shape: shape.map(Number), data: bytes.subarray(dataStart) };
}

describe('an npz file', () => {
  test('holds each tensor as an .npy file with its checksum', async () => {
    await fc.assert(
      fc.asyncProperty(named, fc.constantFrom('F32', 'F16'), async (tensors, dtype) => {
        const file = npz(tensors.map(storedSource), dtype);
        const whole = Buffer.from(await read(file));
        const entries = await readZipEntries(file);
        expect(entries.map(({ name }) => name)).toEqual(tensors.map(({ name }) => `${name}.npy`));
        for (const [index, { dataStart, size, crc }] of entries.entries()) {
          const bytes = whole.subarray(dataStart, dataStart + size);
          expect(crc).toBe(crc32(bytes));
          const { type, shape, data } = parseNpy(bytes);
          expect(type).toBe(dtype === 'F32' ? '<f4' : '<f2');
          expect(shape).toEqual(tensors[index].shape);
          expect(data.equals(encode(expand(tensors[index]), dtype))).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('has the same bytes in every range as in the whole', async () => {
    await fc.assert(
      fc.asyncProperty(named, ranges, async (tensors, fractions) => {
        const file = () => npz(tensors.map(tensorSource), 'F32');
        const whole = await read(file());
        for (const fraction of fractions) {
          const [start, end] = within(whole.byteLength, fraction);
          expect(await read(file(), start, end)).toEqual(whole.subarray(start, end));
        }
      }),
      { numRuns: 100 },
    );
  });

  test('reads no further than its first bytes need', async () => {
    const first = storedSource(tensorOf('first', [10]));
    const second = storedSource(tensorOf('second', [10]));
    await read(npz([first, second], 'F32'), 0, 200);
    expect(first.entriesRead()).toBeGreaterThan(0);
    expect(second.entriesRead()).toBe(0);
  });

  test('is read once for its directory, however many clients request only that', async () => {
    const recent = new RecentChecksums(10);
    const tensor = storedSource(tensorOf('a', [1000]));
    const directory = async () => {
      const file = npz([tensor], 'F32', {}, recent.of('the same'));
      return read(file, file.byteLength - 60, file.byteLength);
    };
    const first = await directory();
    const once = tensor.entriesRead();
    expect(once).toBeGreaterThan(0);
    expect(await directory()).toEqual(first);
    expect(tensor.entriesRead()).toBe(once);
    // Checksums of other files replace it.
    for (let other = 0; other < 10; other++) recent.of(`other ${other}`);
    expect(await directory()).toEqual(first);
    expect(tensor.entriesRead()).toBe(2 * once);
  });

  test('reads a tensor again after a failure', async () => {
    let attempts = 0;
    const tensor = tensorOf('a', [3]);
    const file = npz(
      [
        {
          ...tensor,
          readBlock: async (start, end) => {
            if (attempts++ === 0) throw new Error('the disk is busy');
            return tensor.block.subarray(start, end);
          },
        },
      ],
      'F32',
    );
    await expect(read(file)).rejects.toThrow('the disk is busy');
    const [entry] = await readZipEntries(file);
    expect(entry.crc).toBe(crc32(await read(file, entry.dataStart, entry.dataStart + entry.size)));
  });

  test('computes checksums of large tensors from their blocks: for 9 MB the same as byte by byte', async () => {
    const tensor = tensorOf('a', [1501, 500, 3], [384, 64, 3], Math.sin);
    const file = npz([tensorSource(tensor)], 'F32');
    const [{ crc, dataStart, size }] = await readZipEntries(file);
    expect(crc).toBe(crc32(await read(file, dataStart, dataStart + size)));
  });

  test('of more than 4 GiB is a zip64, in its local headers, its directory and its end', async () => {
    const tensors = [
      tensorOf('small', [5]),
      tensorOf('large', [40_000, 30_000], [7, 11], Math.sin),
      tensorOf('behind', [3, 3], [2, 2]),
    ];
    const file = npz(tensors.map(tensorSource), 'F32');
    const entries = await readZipEntries(file);
    expect(entries.map(({ size }) => size)).toEqual([128 + 20, 128 + 4.8e9, 128 + 36]);
    const { dataStart, size, crc } = entries[2];
    expect(dataStart).toBeGreaterThan(4.8e9);
    expect(crc32(await read(file, dataStart, dataStart + size))).toBe(crc);
  });

  test('with more than 65,535 tensors is a zip64', async () => {
    const tensors = Array.from({ length: 65_537 }, (_, index) => tensorSource(tensorOf(`t${index}`, [1])));
    const entries = await readZipEntries(npz(tensors, 'F32'));
    expect(entries).toHaveLength(65_537);
    expect(entries[65_536].name).toBe('t65536.npy');
  });

  test.skipIf(!PYTHON)('is read by numpy, checksums and all (needs a Python with numpy)', async () => {
    const tensors: TiledTensor[] = [
      tensorOf('conv1.weight', [64, 3, 7, 7], [48, 3, 7, 7], Math.sin),
      tensorOf('bn.bias', [64], [48]),
      tensorOf('scalar', []),
      tensorOf('层/weight', [5, 4], [2, 3]),
    ];
    const folder = mkdtempSync(join(tmpdir(), 'npz-'));
    try {
      const path = join(folder, 'weights.npz');
      writeFileSync(path, await read(npz(tensors.map(tensorSource), 'F32')));
      const script = [
        'import json, sys, zipfile, numpy as np',
        'assert zipfile.ZipFile(sys.argv[1]).testzip() is None',
        'with np.load(sys.argv[1]) as z:',
        '  print(json.dumps([[k, str(z[k].dtype), list(z[k].shape), z[k].ravel().tolist()] for k in z.files]))',
      ].join('\n');
      const loaded = JSON.parse(execFileSync(PYTHON!, ['-c', script, path]).toString());
      expect(loaded).toEqual(
        tensors.map((tensor) => [tensor.name, 'float32', tensor.shape, [...expand(tensor)]]),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
