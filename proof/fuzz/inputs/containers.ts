import { crc32, deflateSync, gzipSync } from 'node:zlib';

/** Returns a safetensors file with any header. */
export function safetensorsOf(header: unknown, body: Uint8Array): Buffer {
  const text = Buffer.from(JSON.stringify(header) ?? '');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, body]);
}

/** Splits a safetensors file into its header and body. */
export function partsOfSafetensors(file: Buffer): { header: unknown; body: Buffer } {
  const end = 8 + Number(file.readBigUInt64LE());
  return { header: JSON.parse(file.toString('utf8', 8, end)), body: file.subarray(end) };
}

export interface ZipEntry {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Returns the entries of an uncompressed zip, in the order of its directory. */
export function entriesOf(zip: Buffer): ZipEntry[] {
  const entries: ZipEntry[] = [];
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  for (
    let at = zip.readUInt32LE(end + 16);
    at < end && zip.toString('latin1', at, at + 4) === 'PK\x01\x02';
  ) {
    const nameEnd = at + 46 + zip.readUInt16LE(at + 28);
    const header = zip.readUInt32LE(at + 42);
    const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    const bytes = zip.subarray(start, start + zip.readUInt32LE(at + 24));
    entries.push({ name: zip.toString('utf8', at + 46, nameEnd), bytes });
    at = nameEnd + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

/** Returns a zip of these entries in the form of torch.save: not compressed, and each with its checksum. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let position = 0;
  for (const { name, bytes } of entries) {
    const text = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt32LE(crc32(bytes), 14);
    local.writeUInt32LE(bytes.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(text.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    local.copy(central, 16, 14, 28);
    central.writeUInt32LE(position, 42);
    bodies.push(local, text, bytes);
    directory.push(central, text);
    position += local.length + text.length + bytes.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(position, 16);
  return Buffer.concat([...bodies, ...directory, end]);
}

/** Available functions that compress a joblib pickle. */
export const PACKERS: readonly ((bytes: Buffer) => Buffer)[] = [
  (bytes) => deflateSync(bytes, { level: 1 }),
  (bytes) => gzipSync(bytes, { level: 1 }),
];
