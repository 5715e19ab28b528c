import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** Begins every packed file. Another layout of these files would have another number. */
const MAGIC = Buffer.from('ghn-serve packed 1\n');

const SIZE_BYTES = 4;

/** Bytes before the parts of a packed file: the magic, the sizes of the parts, and the checksum of both. */
export const headerBytes = (parts: number) => MAGIC.length + SIZE_BYTES * (parts + 1);

/** Some files as the bytes of one: a header with their sizes, then one behind the other. */
export function pack(parts: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(headerBytes(parts.length));
  MAGIC.copy(header);
  parts.forEach(({ length }, index) => {
    header.writeUInt32LE(length, MAGIC.length + SIZE_BYTES * index);
  });
  const end = header.length - SIZE_BYTES;
  header.writeUInt32LE(crc32(header.subarray(0, end)), end);
  return Buffer.concat([header, ...parts]);
}

/** A part's place in its packed file. The file is open, and the caller closes it. */
export interface OpenPart {
  readonly handle: FileHandle;
  readonly start: number;
  /** Bytes of the part, by the file's header. */
  readonly size: number;
}

/**
 * Opens a packed file to read one of its parts.
 *
 * @param count how many parts the file has
 * @returns null if the header does not match its checksum
 */
export async function openPart(path: string, index: number, count: number): Promise<OpenPart | null> {
  const handle = await open(path, 'r');
  let isFound = false;
  try {
    const header = await readBytes(handle, 0, headerBytes(count));
    const end = header.length - SIZE_BYTES;
    isFound =
      header.length === headerBytes(count) &&
      header.subarray(0, MAGIC.length).equals(MAGIC) &&
      header.readUInt32LE(end) === crc32(header.subarray(0, end));
    if (!isFound) return null;
    const sizes = Array.from({ length: count }, (_, k) => header.readUInt32LE(MAGIC.length + SIZE_BYTES * k));
    const start = sizes.slice(0, index).reduce((sum, size) => sum + size, header.length);
    return { handle, start, size: sizes[index] };
  } finally {
    if (!isFound) await handle.close();
  }
}

/** The bytes at a position: fewer where the file ends. */
export async function readBytes(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/**
 * True if a file was packed, damaged or not: it begins with the magic, or its first part begins with that mark. Damage
 * hits one of the two.
 */
export async function isPacked(path: string, count: number, mark: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const bytes = await readBytes(handle, 0, headerBytes(count) + mark.length);
    return (
      bytes.subarray(0, MAGIC.length).equals(MAGIC) ||
      bytes.subarray(headerBytes(count)).equals(Buffer.from(mark))
    );
  } finally {
    await handle.close();
  }
}
