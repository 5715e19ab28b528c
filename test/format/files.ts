import { spawnSync } from 'node:child_process';
import type { ByteSource } from '../../src/format/layout.js';
import { read } from './bytes.js';

/** Parses a safetensors file by its definition. Returns the entries by name in their order, and the bytes of each. */
export function parseSafetensors(file: Uint8Array) {
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const dataStart = 8 + Number(buffer.readBigUInt64LE());
  const header = buffer.toString('utf8', 8, dataStart);
  const { __metadata__: metadata, ...entries } = JSON.parse(header) as Record<string, unknown>;
  const tensors = Object.entries(
    entries as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>,
  ).map(([name, { dtype, shape, data_offsets }]) => ({
    name,
    dtype,
    shape,
    offsets: data_offsets,
    bytes: new Uint8Array(buffer.subarray(dataStart + data_offsets[0], dataStart + data_offsets[1])),
  }));
  return {
    header,
    dataStart,
    dataLength: buffer.length - dataStart,
    metadata: metadata as Record<string, string>,
    tensors,
  };
}

/** A Python that has numpy: PYTHON, or one of the usual paths. */
export const PYTHON = [process.env.PYTHON, 'python3', '/usr/bin/python3'].find(
  (command) => command && spawnSync(command, ['-c', 'import numpy']).status === 0,
);

export interface ZipFileEntry {
  readonly name: string;
  readonly crc: number;
  readonly size: number;
  readonly dataStart: number;
}

/** Returns the entries in a zip's directory, each checked against its local header. Reads nothing else. */
export async function readZipEntries(zip: ByteSource): Promise<ZipFileEntry[]> {
  const bytes = async (start: number, length: number) => Buffer.from(await read(zip, start, start + length));
  const end = await bytes(zip.byteLength - 22, 22);
  if (end.readUInt32LE() !== 0x06054b50) throw new Error('no end of directory');
  let count = end.readUInt16LE(10);
  let size = end.readUInt32LE(12);
  let offset = end.readUInt32LE(16);
  if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff) {
    const locator = await bytes(zip.byteLength - 42, 20);
    if (locator.readUInt32LE() !== 0x07064b50) throw new Error('no zip64 locator');
    const wide = await bytes(Number(locator.readBigUInt64LE(8)), 56);
    if (wide.readUInt32LE() !== 0x06064b50) throw new Error('no zip64 end of directory');
    count = Number(wide.readBigUInt64LE(32));
    size = Number(wide.readBigUInt64LE(40));
    offset = Number(wide.readBigUInt64LE(48));
  }
  const directory = await bytes(offset, size);
  const entries: ZipFileEntry[] = [];
  let at = 0;
  for (; entries.length < count; ) {
    if (directory.readUInt32LE(at) !== 0x02014b50) throw new Error('no entry');
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
    const wide = wideFields(directory.subarray(nameEnd, extraEnd));
    const field = (place: number) => {
      const value = directory.readUInt32LE(at + place);
      return value === 0xffffffff ? wide.shift()! : value;
    };
    const [entrySize, storedSize, header] = [field(24), field(20), field(42)];
    const name = directory.toString('utf8', at + 46, nameEnd);
    const local = await bytes(header, 30);
    const names = local.readUInt16LE(26);
    const extras = local.readUInt16LE(28);
    const rest = await bytes(header + 30, names + extras);
    const localSizes = [local.readUInt32LE(18), local.readUInt32LE(22)];
    const localWide = wideFields(rest.subarray(names));
    const agrees =
      local.readUInt32LE() === 0x04034b50 &&
      rest.toString('utf8', 0, names) === name &&
      local.readUInt32LE(14) === directory.readUInt32LE(at + 16) &&
      localSizes.every((value) => (value === 0xffffffff ? localWide.shift()! : value) === entrySize) &&
      storedSize === entrySize;
    if (!agrees) throw new Error(`the local header of ${name} says something else`);
    entries.push({
      name,
      crc: directory.readUInt32LE(at + 16),
      size: entrySize,
      dataStart: header + 30 + names + extras,
    });
    at = extraEnd;
  }
  if (at !== size) throw new Error('the directory goes on');
  return entries;
}

function wideFields(extra: Buffer): number[] {
  if (extra.length === 0) return [];
  if (extra.readUInt16LE() !== 1 || extra.readUInt16LE(2) !== extra.length - 4)
    throw new Error('no zip64 field');
  return Array.from({ length: (extra.length - 4) / 8 }, (_, k) => Number(extra.readBigUInt64LE(4 + 8 * k)));
}
