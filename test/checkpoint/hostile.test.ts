import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { ENCODINGS, refusal, useFolder } from './files.js';
import * as p from './pickle-writer.js';

const write = useFolder();

async function refusalOf(content: Uint8Array): Promise<string> {
  return refusal(await write('hostile', content));
}

describe('a pickle that names code to run is refused with that name', () => {
  test.each([
    ['os.system', p.pickle(p.global('os', 'system'), p.text('touch pwned'), p.tuple1, p.reduce)],
    [
      'posix.system',
      p.pickle(p.text('posix'), p.text('system'), p.stackGlobal, p.text('true'), p.tuple1, p.reduce),
    ],
    ['builtins.eval', p.pickle(p.global('builtins', 'eval'), p.text('1'), p.tuple1, p.reduce)],
    ['builtins.getattr', p.pickle(p.global('builtins', 'getattr'), p.emptyTuple, p.reduce)],
    ['torch.load', p.pickle(p.global('torch', 'load'), p.emptyTuple, p.reduce)],
    ['argparse.ArgumentParser', p.pickle(p.global('argparse', 'ArgumentParser'), p.emptyTuple, p.newObject)],
    ['joblib.numpy_pickle.NumpyPickler', p.pickle(p.global('joblib.numpy_pickle', 'NumpyPickler'))],
    ['numpy.load', p.pickle(p.global('numpy', 'load'), p.emptyTuple, p.reduce)],
    // Names that exist on JavaScript's objects.
    ['__proto__.constructor', p.pickle(p.global('__proto__', 'constructor'))],
    ['constructor.constructor', p.pickle(p.global('constructor', 'constructor'))],
  ])('%s', async (name, content) => {
    expect(await refusalOf(content)).toContain(`"${name}", which no GHN checkpoint needs`);
  });
});

describe('a pickle that misuses allowed names is refused', () => {
  const orderedDict = p.global('collections', 'OrderedDict');
  const rebuild = p.global('torch._utils', '_rebuild_tensor_v2');
  test.each([
    [
      'calls a storage type',
      p.pickle(p.global('torch', 'FloatStorage'), p.emptyTuple, p.reduce),
      /calls torch\.FloatStorage/,
    ],
    [
      'calls a type of numbers',
      p.pickle(p.global('builtins', 'int'), p.emptyTuple, p.reduce),
      /calls builtins\.int/,
    ],
    ['calls text', p.pickle(p.text('eval'), p.emptyTuple, p.reduce), /calls a string/],
    [
      'makes an object',
      p.pickle(orderedDict, p.emptyTuple, p.newObject),
      /makes an object of collections\.OrderedDict/,
    ],
    [
      'sets the state of a function',
      p.pickle(rebuild, p.emptyDict, p.build),
      /sets the state of torch\._utils/,
    ],
    [
      'copies a list into a dict',
      p.pickle(orderedDict, p.emptyList, p.tuple1, p.reduce),
      /made from other things/,
    ],
    ['rebuilds no tensor', p.pickle(rebuild, p.none, p.tuple1, p.reduce), /a tensor without a storage/],
    [
      'loads bytes',
      p.pickle(p.global('torch.storage', '_load_from_bytes'), p.none, p.tuple1, p.reduce),
      /not a saved storage/,
    ],
    ['refers outside', p.pickle(p.text('secret'), p.persistentId), /refers to something outside/],
    ['has a dict as a key', p.pickle(p.emptyDict, p.emptyDict, p.none, p.setItem), /a dict key that is not/],
    ['appends to a dict', p.pickle(p.emptyDict, p.none, p.append), /appends to what is not a list/],
    ['recalls what it never kept', p.pickle(p.get(7)), /memo 7, which was never set/],
    ['takes from an empty stack', p.pickle(p.append), /takes more from the stack/],
    ['takes from under a mark', p.pickle(p.none, p.mark, p.pop), /takes more from the stack/],
    ['has no mark', p.pickle(p.tuple), /no mark/],
    ['is of an old protocol', Buffer.from('80012e', 'hex'), /protocol 1, 2 to 5 are read/],
    ['is of an unknown protocol', Buffer.from('80052e00', 'hex'), /takes more from the stack/],
  ])('%s', async (_, content, message) => {
    expect(await refusalOf(content)).toMatch(message);
  });
});

describe('lengths that exceed the file take no memory', () => {
  const tooEarly = /ends too early/;
  test.each([
    ['BINBYTES8 of 8 EiB', p.pickle(p.announced('\x8e', 2n ** 63n, 8)), /larger than any file/],
    ['BINBYTES8 of 4 PiB', p.pickle(p.announced('\x8e', 2n ** 52n, 8)), tooEarly],
    ['BINBYTES of 4 GiB', p.pickle(p.announced('B', 2 ** 32 - 1, 4)), tooEarly],
    ['BINUNICODE8 of 1 TiB', p.pickle(p.announced('\x8d', 2n ** 40n, 8)), /bytes of text/],
    ['BINUNICODE of 1 MiB', p.pickle(p.announced('X', 2 ** 20, 4)), tooEarly],
    ['LONG4 of 2 GiB', p.pickle(p.announced('\x8b', 2 ** 31 - 1, 4)), /an integer of 2147483647 bytes/],
    ['a name without end', p.pickle(Buffer.from('c'), Buffer.alloc(1000, 'a')), /name without end/],
  ])('%s', async (_, content, message) => {
    const before = process.resourceUsage().maxRSS;
    expect(await refusalOf(content)).toMatch(message);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(64 * 1024);
  });

  test('a compressed file cannot claim more either', async () => {
    const most = deflateSync(p.pickle(p.announced('\x8e', 2n ** 52n, 8)));
    expect(await refusalOf(most)).toMatch(/holds more than 67108864 bytes, too many for its size/);
    const more = deflateSync(p.pickle(p.announced('\x8e', 2n ** 20n, 8)));
    expect(await refusalOf(more)).toMatch(/a bytes object of 1048576 bytes that is not a tensor's storage/);
  });

  test('a tensor larger than its storage is refused', async () => {
    // The sizes of ln.weight, [4], in its pickle: a tuple of one BININT1, then its strides.
    const file = await readFile(join(ENCODINGS, 'ghn3.joblib'));
    const at = file.indexOf(Buffer.from('4b00' + '4b04' + '85', 'hex'));
    file[at + 3] = 200;
    expect(await refusalOf(file)).toMatch(
      /a tensor \[200\] that reaches to number 199 of a storage that has 4/,
    );
  });
});

describe('endless structures are refused', () => {
  test('a list that contains itself is not a checkpoint', async () => {
    expect(await refusalOf(p.pickle(p.emptyList, p.memoize, p.get(0), p.append))).toMatch(
      /expected a state dict/,
    );
  });

  test('a dict that contains itself is not a checkpoint', async () => {
    const content = p.pickle(p.emptyDict, p.memoize, p.text('state_dict'), p.get(0), p.setItem);
    expect(await refusalOf(content)).toMatch(/found a dict with "state_dict"/);
  });

  test('a million nested tuples are not a checkpoint', async () => {
    const content = p.pickle(p.none, Buffer.alloc(900_000, p.tuple1));
    expect(await refusalOf(content)).toMatch(/expected a state dict/);
  });

  test('a nested config is not followed', async () => {
    const nested = Buffer.concat([p.none, Buffer.alloc(100_000, p.tuple1)]);
    const content = p.pickle(p.emptyDict, p.text('config'), nested, p.setItem);
    expect(await refusalOf(content)).toMatch(/found a dict with "config"/);
  });

  test('more opcodes than any checkpoint has are refused', async () => {
    const content = p.pickle(Buffer.alloc(1_100_000, p.emptyDict));
    expect(await refusalOf(content)).toMatch(/has more than 1000000 opcodes/);
  });

  test('a text that is stored once and read often takes its memory once', async () => {
    const recalls = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.concat([p.get(0), p.append])));
    const content = p.pickle(p.text('a'.repeat(1_000_000)), p.memoize, p.emptyList, recalls);
    expect(await refusalOf(content)).toMatch(/expected a state dict/);
  });
});

describe('names with a meaning in JavaScript are ordinary names', () => {
  test.each(['__proto__', 'constructor', 'toString'])('%s', async (name) => {
    const polluted = p.pickle(
      p.emptyDict,
      ...[p.text(name), p.emptyDict, p.text('polluted'), p.int(1), p.setItem, p.setItem],
    );
    expect(await refusalOf(polluted)).toContain(`found a dict with "${name}"`);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('in a safetensors header', async () => {
    const header = Buffer.from('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const message = await refusalOf(Buffer.concat([length, header, Buffer.alloc(4)]));
    expect(message).toContain('is not one of the published families (GHN-3, GHN-2, LoGAH)');
  });
});

describe('a compressed file', () => {
  test.each([
    ['gzip', gzipSync],
    ['zlib', deflateSync],
  ])('that expands too far is refused: %s', async (name, compress) => {
    const checkpoint = await readFile(join(ENCODINGS, 'ghn3.joblib'));
    const file = compress(Buffer.concat([checkpoint, Buffer.alloc(70 * 2 ** 20)]));
    expect(file.length).toBeLessThan(100_000);
    expect(await refusalOf(file)).toMatch(
      `holds more than ${64 * 2 ** 20} bytes, too many for its size; decompress it with ${name}`,
    );
  });
});

test('tensors that share a storage get no more memory than the file has', async () => {
  const { weights } = await readCheckpoint(join(ENCODINGS, 'ghn3.joblib'));
  const storage = largestStorage(await readFile(join(ENCODINGS, 'ghn3.joblib')));
  const load = [
    p.global('torch.storage', '_load_from_bytes'),
    p.bytes(storage),
    p.tuple1,
    p.reduce,
    p.put(0),
    p.pop,
  ];
  const numbers = (values: readonly number[]) => Buffer.concat([p.mark, ...values.map(p.int), p.tuple]);
  const tensors = [...weights].map(([name, { shape }]) => {
    const strides = shape.length === 2 ? [shape[1], 1] : [1];
    const args = [p.mark, p.get(0), p.int(0), numbers(shape), numbers(strides), p.tuple];
    const tensor = [p.global('torch._utils', '_rebuild_tensor_v2'), ...args, p.reduce];
    return Buffer.concat([p.text(name), ...tensor, p.setItem]);
  });
  expect(await refusalOf(p.pickle(...load, p.emptyDict, ...tensors))).toMatch(
    /bytes of tensors in \d+ bytes; they overlap/,
  );
});

/** Returns the largest of the storages in a joblib pickle: bytes objects that begin with torch.save's magic number. */
function largestStorage(file: Buffer): Buffer {
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
  let largest: Buffer = Buffer.alloc(0);
  for (let at = file.indexOf(magic); at >= 0; at = file.indexOf(magic, at + 1)) {
    if (file[at - 5] !== 'B'.charCodeAt(0)) continue;
    const storage = file.subarray(at, at + file.readUInt32LE(at - 4));
    if (storage.length > largest.length) largest = storage;
  }
  return largest;
}
