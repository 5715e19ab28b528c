import type { Section } from './digest.js';
import { CheckpointError } from './error.js';
import type { FileBytes } from './source.js';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;

const LOCAL_HEADER_BYTES = 30;
const CENTRAL_HEADER_BYTES = 46;
const END_BYTES = 22;
const END64_BYTES = 56;
const LOCATOR_BYTES = 20;

/** Maximum length of the comment after the end record. Its length field has two bytes. */
const MAX_COMMENT_BYTES = 0xffff;

/** A directory of 100,000 tensors is smaller. The directory is read as a whole. */
const MAX_DIRECTORY_BYTES = 16 * 2 ** 20;

/** The value of a 32-bit field whose actual value is in the zip64 extra field. */
const IN_ZIP64 = 0xffff_ffff;

const ZIP64_EXTRA = 1;
const STORED = 0;

interface Entry {
  /** The position of its local header, which comes before its bytes. */
  readonly header: number;
  readonly size: number;
  readonly crc: number;
}

export interface Zip {
  readonly names: readonly string[];
  /** The position of an entry's bytes. Throws if there is no such entry or if it is compressed. */
  find(name: string): Promise<Section>;
}

/** Reads a zip's directory, including zip64. Only finds stored entries, since torch.save never compresses. */
export async function readZip(file: FileBytes): Promise<Zip> {
  const directory = await findDirectory(file);
  const entries = readDirectory(await bytes(file, directory.start, directory.size));
  if (entries.size !== directory.entries) {
    damaged(`its directory has ${entries.size} entries, and says that it has ${directory.entries}`);
  }
  checkApart(entries, directory.start);
  return {
    names: [...entries.keys()],
    find: async (name) => {
      const entry = entries.get(name);
      if (!entry) throw new CheckpointError(`the zip has no entry ${JSON.stringify(name)}`);
      if (entry === 'compressed') {
        throw new CheckpointError(
          `the zip's entry ${JSON.stringify(name)} is compressed; pack it again with "zip -0"`,
        );
      }
      const header = await bytes(file, entry.header, LOCAL_HEADER_BYTES);
      if (header.readUInt32LE(0) !== LOCAL_HEADER) damaged('an entry is not where the directory says');
      const nameEnd = entry.header + LOCAL_HEADER_BYTES + header.readUInt16LE(26);
      const start = nameEnd + header.readUInt16LE(28);
      if (start + entry.size > directory.start) damaged('an entry reaches into the directory');
      const localName = await bytes(file, entry.header + LOCAL_HEADER_BYTES, header.readUInt16LE(26));
      if (localName.toString() !== name) {
        damaged(
          `${JSON.stringify(name)} of the directory is ${JSON.stringify(localName.toString())} where it lies`,
        );
      }
      return { name, start, size: entry.size, crc: checksumOf(name, entry, header) };
    },
  };
}

/**
 * The checksum of an entry, or 0 if there is none. The local header and the directory may omit it, but must not differ.
 */
function checksumOf(name: string, { size, crc }: Entry, header: Buffer): number {
  const method = header.readUInt16LE(8);
  if (method !== STORED) damaged(`${JSON.stringify(name)} is stored, and compressed where it lies`);
  const localCrc = header.readUInt32LE(14);
  const localSize = header.readUInt32LE(22);
  const isSizeGiven = localSize !== 0 && localSize !== IN_ZIP64;
  if ((isSizeGiven && localSize !== size) || (localCrc !== 0 && crc !== 0 && localCrc !== crc)) {
    damaged(`${JSON.stringify(name)} has another size or checksum where it lies than in the directory`);
  }
  return crc || localCrc;
}

/** Refuses entries that share bytes: they would be read several times, or with different meanings. */
function checkApart(entries: ReadonlyMap<string, Entry | 'compressed'>, directoryStart: number): void {
  const stored = [...entries].flatMap(([name, entry]) =>
    entry === 'compressed' ? [] : [{ name, ...entry }],
  );
  let end = 0;
  for (const { name, header, size } of stored.toSorted((a, b) => a.header - b.header)) {
    if (header < end) damaged(`two of its entries share bytes, one of them ${JSON.stringify(name)}`);
    end = header + LOCAL_HEADER_BYTES + size;
  }
  if (end > directoryStart) damaged('an entry reaches into the directory');
}

interface Directory {
  readonly start: number;
  readonly size: number;
  /** The number of entries according to the end record. */
  readonly entries: number;
}

async function findDirectory(file: FileBytes): Promise<Directory> {
  const tailStart = Math.max(0, file.size - END_BYTES - MAX_COMMENT_BYTES);
  const tail = await bytes(file, tailStart, file.size - tailStart);
  let at = tail.length - END_BYTES;
  while (at >= 0 && tail.readUInt32LE(at) !== END) at--;
  if (at < 0) {
    const zeros = tail.every((byte) => byte === 0) ? ' and its end is zeros' : '';
    damaged(
      `its directory is missing${zeros}: the file is truncated, as by a download that was not finished; fetch it again`,
    );
  }
  let entries = tail.readUInt16LE(at + 10);
  let size = tail.readUInt32LE(at + 12);
  let start = tail.readUInt32LE(at + 16);

  const locator = tailStart + at - LOCATOR_BYTES;
  if (locator >= 0) {
    const record = await bytes(file, locator, LOCATOR_BYTES);
    if (record.readUInt32LE(0) === END64_LOCATOR) {
      const end = await bytes(file, safe(record.readBigUInt64LE(8)), END64_BYTES);
      if (end.readUInt32LE(0) !== END64) damaged('its zip64 end record is not where it should be');
      entries = safe(end.readBigUInt64LE(32));
      size = safe(end.readBigUInt64LE(40));
      start = safe(end.readBigUInt64LE(48));
    }
  }
  if (size > MAX_DIRECTORY_BYTES) damaged(`its directory of ${size} bytes is too large`);
  if (start + size > tailStart + at) damaged('its directory extends past its end');
  return { start, size, entries };
}

function readDirectory(directory: Buffer): Map<string, Entry | 'compressed'> {
  const entries = new Map<string, Entry | 'compressed'>();
  for (let at = 0; at < directory.length; ) {
    if (at + CENTRAL_HEADER_BYTES > directory.length) damaged('its directory ends within an entry');
    if (directory.readUInt32LE(at) !== CENTRAL_HEADER)
      damaged('its directory contains something other than entries');
    const nameEnd = at + CENTRAL_HEADER_BYTES + directory.readUInt16LE(at + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
    const end = extraEnd + directory.readUInt16LE(at + 32);
    if (end > directory.length) damaged('its directory ends within an entry');
    const name = directory.toString('utf8', at + CENTRAL_HEADER_BYTES, nameEnd);
    if (entries.has(name)) damaged(`it has two entries named ${JSON.stringify(name)}`);
    const isStored = directory.readUInt16LE(at + 10) === STORED && (directory.readUInt16LE(at + 8) & 1) === 0;
    entries.set(
      name,
      isStored ? readEntry(directory, at, directory.subarray(nameEnd, extraEnd)) : 'compressed',
    );
    at = end;
  }
  return entries;
}

function readEntry(directory: Buffer, at: number, extra: Buffer): Entry {
  const size = directory.readUInt32LE(at + 24);
  const storedSize = directory.readUInt32LE(at + 20);
  const header = directory.readUInt32LE(at + 42);
  const wide = zip64Fields(extra);
  // The extra field contains, in this order, those of the three values that are not in the entry itself.
  const [wideSize, wideStoredSize, wideHeader] = [size, storedSize, header].map((field) =>
    field === IN_ZIP64 ? safe(wide.shift() ?? damaged('a zip64 field is missing')) : field,
  );
  if (wideSize !== wideStoredSize) damaged('a stored entry has two sizes');
  return { size: wideSize!, header: wideHeader!, crc: directory.readUInt32LE(at + 16) };
}

function zip64Fields(extra: Buffer): bigint[] {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === ZIP64_EXTRA && end <= extra.length) {
      const fields: bigint[] = [];
      for (let field = at + 4; field + 8 <= end; field += 8) fields.push(extra.readBigUInt64LE(field));
      return fields;
    }
    at = end;
  }
  return [];
}

async function bytes(file: FileBytes, start: number, size: number): Promise<Buffer> {
  if (start + size > file.size) damaged('a part of it lies past the end of the file');
  const buffer = Buffer.alloc(size);
  await file.read(buffer, start);
  return buffer;
}

function safe(value: bigint): number {
  if (value > Number.MAX_SAFE_INTEGER) damaged('a number in it is larger than any file');
  return Number(value);
}

function damaged(what: string): never {
  throw new CheckpointError(`the zip is damaged: ${what}`);
}
