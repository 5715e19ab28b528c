import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { safetensorsOf } from '../../proof/fuzz/inputs/containers.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { ENCODINGS, useFolder } from './files.js';

const write = useFolder();

const LARGE = 2 ** 31 + 8;

/**
 * Inserts a buffer that no prediction uses before all other tensors of a safetensors file. Its bytes are written
 * separately.
 */
function withLargeBuffer(file: Buffer): { head: Buffer; body: Buffer } {
  const length = Number(file.readBigUInt64LE());
  const header: Record<string, { data_offsets: number[] }> = JSON.parse(file.toString('utf8', 8, 8 + length));
  for (const [name, tensor] of Object.entries(header)) {
    if (name !== '__metadata__') tensor.data_offsets = tensor.data_offsets.map((offset) => offset + LARGE);
  }
  const large = { dtype: 'I64', shape: [LARGE / 8], data_offsets: [0, LARGE] };
  return {
    head: safetensorsOf({ ...header, 'shape_enc.dummy_ind': large }, Buffer.alloc(0)),
    body: file.subarray(8 + length),
  };
}

test('tensors after the first 2 GiB of a file are read, and unused ones take no memory', async () => {
  const reference = join(ENCODINGS, 'ghn3.f32.safetensors');
  const { head, body } = withLargeBuffer(await readFile(reference));
  const path = await write('large.safetensors', head);
  // The gap is a hole, which takes no space on the disk.
  const handle = await open(path, 'r+');
  await handle.write(body, 0, body.length, head.length + LARGE);
  await handle.close();

  const before = process.resourceUsage().maxRSS;
  const { weights } = await readCheckpoint(path);
  expect(weights).toEqual((await readCheckpoint(reference)).weights);
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(200 * 1024);
});

/** Moves the sizes and offsets of a zip's entries, and of its directory, to zip64 fields. */
function asZip64(zip: Buffer): Buffer {
  const end = zip.lastIndexOf('PK\x05\x06');
  const start = zip.readUInt32LE(end + 16);
  const entries: Buffer[] = [];
  for (let at = start; zip.toString('latin1', at, at + 4) === 'PK\x01\x02'; ) {
    const nameEnd = at + 46 + zip.readUInt16LE(at + 28);
    const next = nameEnd + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    const entry = Buffer.from(zip.subarray(at, nameEnd));
    const extra = Buffer.alloc(28);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    for (const [i, field] of [24, 20, 42].entries()) {
      extra.writeBigUInt64LE(BigInt(entry.readUInt32LE(field)), 4 + 8 * i);
      entry.writeUInt32LE(0xffffffff, field);
    }
    entry.writeUInt16LE(extra.length, 30);
    entry.writeUInt16LE(0, 32);
    entries.push(entry, extra);
    at = next;
  }
  const directory = Buffer.concat(entries);
  const end64 = Buffer.alloc(56);
  end64.write('PK\x06\x06', 'latin1');
  end64.writeBigUInt64LE(BigInt(entries.length / 2), 32);
  end64.writeBigUInt64LE(BigInt(directory.length), 40);
  end64.writeBigUInt64LE(BigInt(start), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(start + directory.length), 8);
  const oldEnd = Buffer.from(zip.subarray(end));
  oldEnd.fill(0xff, 12, 20);
  return Buffer.concat([zip.subarray(0, start), directory, end64, locator, oldEnd]);
}

test('a zip64, which torch.save writes for more than 4 GiB, is read', async () => {
  const reference = join(ENCODINGS, 'ghn3.zip.pt');
  const path = await write('zip64.pt', asZip64(await readFile(reference)));
  expect((await readCheckpoint(path)).weights).toEqual((await readCheckpoint(reference)).weights);
});
