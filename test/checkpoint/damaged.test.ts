import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { entriesOf, partsOfSafetensors, safetensorsOf, zipOf } from '../../proof/fuzz/inputs/containers.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { ENCODINGS, encodingsOf, refusal, useFolder } from './files.js';

const write = useFolder();
const encoding = (name: string) => readFile(join(ENCODINGS, name));

const zips = (await encodingsOf('ghn3')).filter((name) => /(zip|half|double|training|views)\.pt$/.test(name));

describe('a weight that has changed on the disk is detected by the checksum of its entry', () => {
  test.each(zips)('%s', async (name) => {
    const file = await encoding(name);
    const entries = entriesOf(file).filter(
      (entry) => /\/data\/\d+$/.test(entry.name) && entry.bytes.length > 0,
    );
    for (const { name: entry, bytes } of entries.slice(0, 10)) {
      const damaged = Buffer.from(file);
      // The entry's bytes are a view of the file's, so their position is known.
      damaged[bytes.byteOffset - file.byteOffset + bytes.length - 1]! ^= 1;
      const message = await refusal(await write('damaged.pt', damaged));
      expect(message).toMatch(/damaged\.pt: the zip is damaged: its entry ".*" does not have the checksum/);
      expect(message).toContain(JSON.stringify(entry));
    }
  });
});

test('a torch.save without checksums is read: PyTorch writes zeros if checksums are turned off', async () => {
  const file = await encoding('ghn3.zip.pt');
  for (
    let at = file.indexOf('PK\x01\x02', 0, 'latin1');
    at >= 0;
    at = file.indexOf('PK\x01\x02', at + 1, 'latin1')
  ) {
    file.writeUInt32LE(0, at + 16);
  }
  const { weights } = await readCheckpoint(await write('unchecked.pt', file));
  expect(weights).toEqual((await readCheckpoint(join(ENCODINGS, 'ghn3.zip.pt'))).weights);
});

test('entries of a zip that share bytes are refused, because each would be read again', async () => {
  const entries = entriesOf(await encoding('ghn3.zip.pt'));
  const file = zipOf(entries);
  const [first, second] = entries.filter(
    ({ name }) => /\/data\/\d+$/.test(name) && name !== entries[0]!.name,
  );
  const placeOf = (name: string) => file.lastIndexOf(name) - 46;
  const other =
    entries.find(({ name, bytes }) => name !== first!.name && bytes.equals(first!.bytes)) ?? second!;
  file.writeUInt32LE(file.readUInt32LE(placeOf(first!.name) + 42), placeOf(other.name) + 42);
  const message = await refusal(await write('shared.pt', file));
  expect(message).toMatch(/two of its entries share bytes|bytes, its pickle expects/);
});

describe('weights that are not finite are refused when the file is read, with the name of the tensor', () => {
  test.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['minus infinity', Number.NEGATIVE_INFINITY],
  ])('%s', async (_, value) => {
    const { header, body } = partsOfSafetensors(await encoding('ghn3.f32.safetensors'));
    const [start] = (header as Record<string, { data_offsets: [number, number] }>)['ln.weight']!.data_offsets;
    const changed = Buffer.from(body);
    changed.writeFloatLE(value, start + 4);
    expect(await refusal(await write('diverged.safetensors', safetensorsOf(header, changed)))).toMatch(
      /diverged\.safetensors: ln\.weight holds NaN or infinity/,
    );
  });

  test('in half precision', async () => {
    const { header, body } = partsOfSafetensors(await encoding('ghn3.f16.safetensors'));
    const [start] = (header as Record<string, { data_offsets: [number, number] }>)['ln.bias']!.data_offsets;
    const changed = Buffer.from(body);
    changed.writeUInt16LE(0x7c00, start);
    expect(await refusal(await write('half.safetensors', safetensorsOf(header, changed)))).toMatch(
      /ln\.bias holds NaN or infinity/,
    );
  });

  test('of float64 that are too large for float32', async () => {
    const entries = entriesOf(await encoding('ghn3.double.pt'));
    const at = entries.findIndex(({ name, bytes }) => /\/data\/\d+$/.test(name) && bytes.length >= 8);
    const bytes = Buffer.from(entries[at]!.bytes);
    bytes.writeDoubleLE(1e300, 0);
    const file = zipOf(entries.with(at, { ...entries[at]!, bytes }));
    expect(await refusal(await write('large.pt', file))).toMatch(/holds NaN or infinity/);
  });
});

describe('sizes that a file claims without the data cost nothing', () => {
  const described = { dtype: 'F32', data_offsets: [0, 0] };
  test.each([
    ['layers', { layers: 1e9 }, { 'embed.weight': [0, 4] }, /layers = 1000000000, 1 to 1000 expected/],
    [
      'a kernel',
      { max_shape: [4, 4, 1e15, 1e15] },
      { 'embed.weight': [0, 4] },
      /max_shape\[2\] = 1000000000000000/,
    ],
    ['a hidden size', {}, { 'embed.weight': [0, 2 ** 52] }, /hid = 4503599627370496, 1 to 1000000 expected/],
    [
      'rows of a kernel',
      {},
      { 'embed.weight': [0, 4], 'decoder.fc.0.weight': [16e12, 0] },
      /max_shape\[2\] = 1000000,/,
    ],
  ])('%s', async (_, config, shapes, message) => {
    const tensors = Object.entries(shapes).map(([name, shape]) => [name, { ...described, shape }]);
    const header = { __metadata__: { config: JSON.stringify(config) }, ...Object.fromEntries(tensors) };
    expect(await refusal(await write('claims.safetensors', safetensorsOf(header, Buffer.alloc(0))))).toMatch(
      message,
    );
  });

  test('a GHN with no heads is refused', async () => {
    const { header, body } = partsOfSafetensors(await encoding('ghn3.f32.safetensors'));
    const tensors = header as Record<string, { shape: number[]; data_offsets: [number, number] }>;
    const without: Record<string, unknown> = {};
    const pieces: Buffer[] = [];
    let end = 0;
    for (const [name, tensor] of Object.entries(tensors)) {
      if (name === '__metadata__') continue;
      const [start, stop] = tensor.data_offsets;
      const isHead = name.startsWith('gnn.0.attn.proj_e.2');
      const piece = isHead ? Buffer.alloc(0) : body.subarray(start, stop);
      const shape = isHead ? [0, ...tensor.shape.slice(1)] : tensor.shape;
      without[name] = { ...tensor, shape, data_offsets: [end, end + piece.length] };
      pieces.push(piece);
      end += piece.length;
    }
    const file = safetensorsOf(without, Buffer.concat(pieces));
    expect(await refusal(await write('headless.safetensors', file))).toMatch(
      /heads = 0, 1 to 1000000 expected/,
    );
  });
});
