/** An entry of a zip that is stored without compression. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  /** Offset of its local header. */
  readonly offset: number;
  readonly crc: () => Promise<number>;
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;

/** Versions of the format that a reader must support: the first with stored entries in folders, and that of zip64. */
const VERSION = 20;
const VERSION_ZIP64 = 45;

/** Flag for a name in UTF-8. */
const UTF8_FLAG = 0x0800;

/** 1 January 1980, the earliest date of a zip. It is constant so that the same tensors give the same bytes. */
const DATE = 0x0021;

/** Stands in a field whose value is too large and is in the zip64 extra field instead. */
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;

const ZIP64_EXTRA = 1;

export function localHeader({ name, size }: ZipEntry, crc: number): Buffer {
  const encoded = Buffer.from(name);
  const isWide = size >= MAX_32;
  const extra = isWide ? zip64Extra([size, size]) : Buffer.alloc(0);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(LOCAL_HEADER, 0);
  header.writeUInt16LE(isWide ? VERSION_ZIP64 : VERSION, 4);
  writeCommon(header, 6, { crc, size: isWide ? MAX_32 : size, nameLength: encoded.byteLength, extra });
  return Buffer.concat([header, encoded, extra]);
}

export function centralHeader({ name, size, offset }: ZipEntry, crc: number): Buffer {
  const encoded = Buffer.from(name);
  const wide = [];
  if (size >= MAX_32) wide.push(size, size);
  if (offset >= MAX_32) wide.push(offset);
  const extra = wide.length > 0 ? zip64Extra(wide) : Buffer.alloc(0);
  const version = wide.length > 0 ? VERSION_ZIP64 : VERSION;
  const header = Buffer.alloc(46);
  header.writeUInt32LE(CENTRAL_HEADER, 0);
  header.writeUInt16LE(version, 4);
  header.writeUInt16LE(version, 6);
  writeCommon(header, 8, { crc, size: Math.min(size, MAX_32), nameLength: encoded.byteLength, extra });
  header.writeUInt32LE(Math.min(offset, MAX_32), 42);
  return Buffer.concat([header, encoded, extra]);
}

interface CommonFields {
  readonly crc: number;
  readonly size: number;
  readonly nameLength: number;
  readonly extra: Buffer;
}

/**
 * Writes the fields that both headers share: flags, method (0, stored), time, date, checksum, both sizes and lengths.
 */
function writeCommon(header: Buffer, at: number, { crc, size, nameLength, extra }: CommonFields): void {
  header.writeUInt16LE(UTF8_FLAG, at);
  header.writeUInt16LE(DATE, at + 6);
  header.writeUInt32LE(crc, at + 8);
  header.writeUInt32LE(size, at + 12);
  header.writeUInt32LE(size, at + 16);
  header.writeUInt16LE(nameLength, at + 20);
  header.writeUInt16LE(extra.byteLength, at + 22);
}

function zip64Extra(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * values.length);
  extra.writeUInt16LE(ZIP64_EXTRA, 0);
  extra.writeUInt16LE(8 * values.length, 2);
  values.forEach((value, index) => {
    extra.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  });
  return extra;
}

/** Returns the end of a zip whose directory has `count` entries and begins at `offset`. */
export function endOfDirectory(count: number, offset: number, size: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(Math.min(count, MAX_16), 8);
  end.writeUInt16LE(Math.min(count, MAX_16), 10);
  end.writeUInt32LE(Math.min(size, MAX_32), 12);
  end.writeUInt32LE(Math.min(offset, MAX_32), 16);
  if (count < MAX_16 && size < MAX_32 && offset < MAX_32) return end;

  const wide = Buffer.alloc(56);
  wide.writeUInt32LE(END64, 0);
  // The length of the data after this field.
  wide.writeBigUInt64LE(BigInt(wide.byteLength - 12), 4);
  wide.writeUInt16LE(VERSION_ZIP64, 12);
  wide.writeUInt16LE(VERSION_ZIP64, 14);
  wide.writeBigUInt64LE(BigInt(count), 24);
  wide.writeBigUInt64LE(BigInt(count), 32);
  wide.writeBigUInt64LE(BigInt(size), 40);
  wide.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(END64_LOCATOR, 0);
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([wide, locator, end]);
}
