import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entriesOf, zipOf } from '../../proof/fuzz/inputs/containers.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { ENCODINGS, refusal, safetensors, useFolder } from './files.js';

const write = useFolder();
const GHN = await readFile(join(ENCODINGS, 'ghn3.zip.pt'));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-other-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Returns a tar with one file. */
function tarOf(name: string, content: Uint8Array): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write('ustar\0', 257);
  return Buffer.concat([header, content, Buffer.alloc(1024)]);
}

describe('something other than a file is refused at once, with its kind', () => {
  test('a pipe without a writer does not block', async () => {
    const pipe = join(folder, 'pipe.pt');
    execFileSync('mkfifo', [pipe]);
    expect(await refusal(pipe)).toContain(`${pipe}: is not a file but a pipe (FIFO)`);
  });

  test('an endless device is not read', async () => {
    expect(await refusal('/dev/zero')).toContain('/dev/zero: is not a file but a device');
  });

  test('a socket', async () => {
    const path = join(folder, 'socket.pt');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await refusal(path)).toContain('is not a file but a socket');
    server.close();
  });

  test('a directory', async () => {
    expect(await refusal(folder)).toContain('is not a file but a directory; name the file within it');
  });
});

test.each([
  ['ftp://example.org/ghn3.pt', /is a URL of a kind that is not supported; write https/],
  ['s3://bucket/ghn3.pt', /is a URL of a kind that is not supported/],
  ['file:///models/ghn3.pt', /is a URL; write the path alone/],
  ['~/ghn3.pt', /begins with ~, .* write the full path/],
  ['~ann/ghn3.pt', /begins with ~/],
])('%s is not a path, and the message says what to write', async (path, message) => {
  expect(await refusal(path)).toMatch(message);
});

describe('a file that is not a checkpoint is refused with its kind and a remedy', () => {
  test.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /is empty: .* fetch or save it again/],
    ['a web page', '\n<!DOCTYPE html><html><head>', /is a web page, .* fetch it again/],
    ['a web page after a byte order mark', '\ufeff<HTML>', /is a web page/],
    ['an error in JSON', '{"error":"Repository not found"}', /is JSON, as servers send it for an error/],
    ['an error in XML', '<?xml version="1.0"?><Error>', /is XML, as servers send it for an error/],
    ['a pointer of git-lfs', 'version https://git-lfs.github.com/spec/v1\n', /git lfs pull/],
    ['the zeros of an unfinished download', Buffer.alloc(5000), /zeros alone: the download was not finished/],
    ['a .tar', tarOf('models/ghn3.pt', GHN), /is a \.tar archive; unpack it with "tar -xf"/],
    ['a .tar of old PyTorch', tarOf('sys_info', GHN), /PyTorch no longer writes/],
    [
      'a zip around the file',
      zipOf([{ name: 'ghn3.pt', bytes: GHN }]),
      /is a zip that holds "ghn3\.pt"; unpack it/,
    ],
    ['a zip of arrays', zipOf([{ name: 'a.npy', bytes: GHN }]), /is a NumPy archive/],
    ['a torch.save in gzip', gzipSync(GHN), /compressed with gzip; decompress it/],
    [
      'a .tar.gz',
      gzipSync(tarOf('ghn3.pt', GHN)),
      /compressed with gzip; .* and what it holds is a \.tar archive/,
    ],
    ['bzip2', Buffer.from('BZh91AY&SY'), /is compressed with bzip2, .* decompress it first, with "bunzip2"/],
    ['xz', Buffer.from('\xfd7zXZ\0\0\x04', 'latin1'), /compressed with xz, .* with "unxz"/],
    ['lzma', Buffer.from('5d00008000ffffffff', 'hex'), /compressed with lzma, .* with "unlzma"/],
    ['lz4', Buffer.from('04224d186440a7', 'hex'), /compressed with lz4, .* with "unlz4"/],
    ['zstd', Buffer.from('28b52ffd04', 'hex'), /compressed with zstd, .* with "unzstd"/],
    ['HDF5', Buffer.from('\x89HDF\r\n\x1a\n\0\0', 'latin1'), /is HDF5, as Keras saves weights/],
    ['text', 'Too many requests', /is text, "Too many requests"/],
    ['half of a torch.save', GHN.subarray(0, GHN.length / 2), /not finished; fetch it again/],
    [
      'a torch.save whose rest is zeros',
      Buffer.concat([GHN.subarray(0, 1000), Buffer.alloc(100_000)]),
      /its end is zeros: .* fetch it again/,
    ],
  ])('%s', async (_, content, message) => {
    const refused = await refusal(await write('other.pt', Buffer.from(content)));
    expect(refused).toMatch(message);
    expect(refused.split('\n')).toHaveLength(1);
  });
});

describe('a zip that different programs would read differently is refused', () => {
  const entries = entriesOf(GHN);
  const data = entries.find(({ name }) => name.endsWith('/data/0'))!;

  test('a valid zip is read', async () => {
    const { weights } = await readCheckpoint(await write('same.pt', zipOf(entries)));
    expect(weights).toEqual((await readCheckpoint(join(ENCODINGS, 'ghn3.zip.pt'))).weights);
  });

  test('if an entry occurs twice', async () => {
    const twice = zipOf([...entries, { name: data.name, bytes: Buffer.alloc(data.bytes.length) }]);
    expect(await refusal(await write('twice.pt', twice))).toContain(`two entries named "${data.name}"`);
  });

  test('if the name at an entry differs', async () => {
    const file = zipOf(entries);
    file.write('X', file.indexOf(data.name));
    expect(await refusal(await write('renamed.pt', file))).toMatch(/of the directory is "X.*" where it lies/);
  });

  test('if the size or checksum at an entry differs', async () => {
    const header = (file: Buffer) => file.indexOf(data.name) - 30;
    const size = zipOf(entries);
    size.writeUInt32LE(data.bytes.length + 1, header(size) + 22);
    expect(await refusal(await write('size.pt', size))).toMatch(/another size or checksum where it lies/);
    const checksum = zipOf(entries);
    checksum.writeUInt32LE((crc32(data.bytes) ^ 1) >>> 0, header(checksum) + 14);
    expect(await refusal(await write('crc.pt', checksum))).toMatch(/another size or checksum where it lies/);
  });

  test('if only the checksum after the bytes is wrong', async () => {
    const file = zipOf(entries);
    file.writeUInt32LE((crc32(data.bytes) ^ 1) >>> 0, file.indexOf(data.name) - 30 + 14);
    file.writeUInt32LE(0, file.lastIndexOf(data.name) - 46 + 16);
    expect(await refusal(await write('local-crc.pt', file))).toMatch(/does not have the checksum/);
  });

  test('if entries overlap', async () => {
    const file = zipOf(entries);
    const next = entries[entries.indexOf(data) + 1]!;
    const place = file.readUInt32LE(file.lastIndexOf(data.name) - 46 + 42);
    file.writeUInt32LE(place + 4, file.lastIndexOf(next.name) - 46 + 42);
    expect(await refusal(await write('overlap.pt', file))).toMatch(/two of its entries share bytes/);
  });

  test('if it has fewer entries than it claims', async () => {
    const file = zipOf(entries);
    const end = file.lastIndexOf('PK\x05\x06', undefined, 'latin1');
    file.writeUInt16LE(entries.length + 1, end + 10);
    expect(await refusal(await write('count.pt', file))).toMatch(/and says that it has/);
  });
});

test.each(['_orig_mod.', 'module._orig_mod.', 'model.', '_orig_mod.module.'])(
  'the prefix %s of every name is ignored',
  async (prefix) => {
    const { weights } = await readCheckpoint(join(ENCODINGS, 'ghn3.zip.pt'));
    const prefixed = new Map([...weights].map(([name, weight]) => [`${prefix}${name}`, weight]));
    expect(
      (await readCheckpoint(await write('prefixed.safetensors', safetensors(prefixed)))).weights,
    ).toEqual(weights);
  },
);
