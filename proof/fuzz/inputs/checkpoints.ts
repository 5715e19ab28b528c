import fc from 'fast-check';
import * as p from '../../../test/checkpoint/pickle-writer.js';
import { changed, changes } from './bytes.js';
import { entriesOf, PACKERS, partsOfSafetensors, safetensorsOf, type ZipEntry, zipOf } from './containers.js';
import { mutate, mutationsTo, strangeMutations } from './json.js';

const name = fc.constantFrom(
  'a',
  'state_dict',
  'config',
  'embed.weight',
  'storage',
  'cpu',
  '0',
  '__proto__',
  'layers',
);

const GLOBALS = [
  ...[
    ['collections', 'OrderedDict'],
    ['torch._utils', '_rebuild_tensor_v2'],
    ['torch._utils', '_rebuild_parameter'],
  ],
  ...[
    ['torch.storage', '_load_from_bytes'],
    ['torch', 'FloatStorage'],
    ['torch', 'Size'],
    ['_codecs', 'encode'],
  ],
  ...[
    ['numpy', 'dtype'],
    ['numpy.core.multiarray', 'scalar'],
    ['os', 'system'],
    ['__proto__', 'constructor'],
  ],
] as const;

const number = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.constantFrom(0, 1, 4, 255));

/** An opcode with its argument, or a few that belong together. */
const opcodes: fc.Arbitrary<Uint8Array> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(p.mark, p.none, p.emptyDict, p.emptyList, p.emptyTuple, p.tuple1, p.tuple),
  },
  {
    weight: 8,
    arbitrary: fc.constantFrom(p.append, p.setItem, p.reduce, p.build, p.memoize, p.stackGlobal, p.pop),
  },
  { weight: 2, arbitrary: fc.constantFrom(p.persistentId, p.newObject) },
  { weight: 6, arbitrary: name.map(p.text) },
  { weight: 6, arbitrary: number.map(p.int) },
  { weight: 3, arbitrary: fc.nat(5).map(p.get) },
  { weight: 2, arbitrary: fc.nat(5).map(p.put) },
  { weight: 4, arbitrary: fc.constantFrom(...GLOBALS).map(([module, called]) => p.global(module!, called!)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 1100 }).map(p.bytes) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 10 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom('\x8e', '\x8d', 'B', 'X', '\x8b', 'C', '\x95'),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      )
      .map(([opcode, length]) => p.announced(opcode, length, '\x8e\x8d\x95'.includes(opcode) ? 8 : 4)),
  },
);

/** A random pickle; rarely one that repeats an opcode or two many times. */
const pickles: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 12, arbitrary: fc.array(opcodes, { maxLength: 40 }).map((all) => p.pickle(...all)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.array(opcodes, { maxLength: 3 }),
        fc.array(opcodes, { minLength: 1, maxLength: 2 }),
        fc.nat(300_000),
      )
      .map(([first, repeated, bytes]) => {
        const once = Buffer.concat(repeated);
        return p.pickle(...first, Buffer.alloc(Math.ceil(bytes / once.length) * once.length, once));
      }),
  },
);

/** Inserts opcodes into a pickle. */
const inserted = fc
  .record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    opcodes: fc.array(opcodes, { minLength: 1, maxLength: 3 }),
  })
  .map(({ at, opcodes: all }) => (file: Buffer) => {
    const place = Math.floor(at * file.length);
    return Buffer.concat([file.subarray(0, place), ...all, file.subarray(place)]);
  });

export function pickleFiles(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc.oneof(
    { weight: 6, arbitrary: changed(samples) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constantFrom(...samples), inserted).map(([file, insert]) => insert(file)),
    },
    { weight: 3, arbitrary: pickles },
  );
}

/** Changes one entry of a zip, or all of them. */
const entryChange: fc.Arbitrary<(entries: ZipEntry[]) => ZipEntry[]> = fc.oneof(
  fc.tuple(fc.nat(), changes).map(([at, apply]) => (entries: ZipEntry[]) => {
    const index = at % entries.length;
    return entries.with(index, { ...entries[index]!, bytes: apply(entries[index]!.bytes) });
  }),
  fc.tuple(changes).map(
    ([apply]) =>
      (entries: ZipEntry[]) =>
        entries.map((entry) =>
          entry.name.endsWith('/data.pkl') ? { ...entry, bytes: apply(entry.bytes) } : entry,
        ),
  ),
  fc.tuple(fc.nat(), fc.string({ maxLength: 12 })).map(
    ([at, renamed]) =>
      (entries: ZipEntry[]) =>
        entries.with(at % entries.length, { ...entries[at % entries.length]!, name: renamed }),
  ),
  fc.nat().map((at) => (entries: ZipEntry[]) => entries.toSpliced(at % entries.length, 1)),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([at, other]) =>
      (entries: ZipEntry[]) =>
        entries.with(at % entries.length, {
          ...entries[other % entries.length]!,
          name: entries[at % entries.length]!.name,
        }),
  ),
  pickles.map(
    (pickle) => (entries: ZipEntry[]) =>
      entries.map((entry) => (entry.name.endsWith('/data.pkl') ? { ...entry, bytes: pickle } : entry)),
  ),
);

/** Zips changed as bytes, and valid zips with invalid entries. */
export function zipFiles(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const sound = samples.filter((file) => file.lastIndexOf('PK\x05\x06', undefined, 'latin1') >= 0);
  const entries = sound.slice(0, 3).map(entriesOf);
  return fc.oneof(
    { weight: 2, arbitrary: changed(samples) },
    {
      weight: 3,
      arbitrary: fc.tuple(fc.constantFrom(...entries), entryChange).map(([all, apply]) => zipOf(apply(all))),
    },
  );
}

const HUGE = fc.constantFrom<unknown>(
  0,
  1,
  4,
  2 ** 31,
  2 ** 53 - 1,
  1e15,
  4096,
  [0, 1e15],
  [1e15, 0],
  [0, 2 ** 53 - 1],
  [9e15, 0],
);

/** A tensor without data, with arbitrary sizes in its shape. */
const emptied = fc.record({
  at: fc.nat(),
  shape: fc.array(fc.oneof(fc.nat(20), fc.nat(2 ** 52)), { maxLength: 4 }),
});

interface Described {
  shape: unknown;
  data_offsets: unknown;
}

function empty(header: unknown, { at, shape }: { at: number; shape: readonly number[] }): unknown {
  const changedHeader = structuredClone(header) as Record<string, Described>;
  const names = Object.keys(changedHeader).filter((key) => key !== '__metadata__');
  const tensor = changedHeader[names[at % names.length]!]!;
  const end = (tensor.data_offsets as number[])[0];
  tensor.shape = [...shape, 0].sort(() => (at & 1 ? 1 : -1));
  tensor.data_offsets = [end, end];
  return changedHeader;
}

export function safetensorsFiles(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const parts = samples.slice(0, 4).map(partsOfSafetensors);
  const config = fc.dictionary(
    fc.constantFrom(
      'max_shape',
      'num_classes',
      'hid',
      'heads',
      'layers',
      'weight_norm',
      've',
      'layernorm',
      'hypernet',
      'decoder',
    ),
    fc.oneof(
      HUGE,
      fc.boolean(),
      fc.constantFrom<unknown>('gatedgnn', 'conv', [1e9, 1e9, 1e9, 1e9], [4, 4, 3, 3]),
    ),
  );
  /** Keeps only some of the tensors, with an arbitrary config. */
  const thinned = fc
    .record({ keep: fc.array(fc.nat(), { maxLength: 6 }), config })
    .map((how) => (header: unknown) => {
      const all = Object.entries(header as object).filter(([key]) => key !== '__metadata__');
      const kept = how.keep.map((at) => all[at % all.length]!);
      const described = kept.map(([key, tensor]) => [
        key,
        { ...tensor, shape: [0, ...tensor.shape.slice(1)], data_offsets: [0, 0] },
      ]);
      return { __metadata__: { config: JSON.stringify(how.config) }, ...Object.fromEntries(described) };
    });
  return fc.oneof(
    { weight: 4, arbitrary: changed(samples) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom(...parts), fc.oneof(mutationsTo(4), strangeMutations))
        .map(([{ header, body }, mutations]) => safetensorsOf(mutate(header, mutations), body)),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom(...parts), fc.array(emptied, { minLength: 1, maxLength: 4 }))
        .map(([{ header, body }, all]) => safetensorsOf(all.reduce<unknown>(empty, header), body)),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom(...parts), thinned)
        .map(([{ header }, thin]) => safetensorsOf(thin(header), Buffer.alloc(0))),
    },
    {
      weight: 1,
      arbitrary: fc.jsonValue({ maxDepth: 3 }).map((header) => safetensorsOf(header, Buffer.alloc(0))),
    },
  );
}

/**
 * Compressed files changed as bytes, files with a pickle changed before compression, and valid ones that expand very
 * far.
 */
export function compressedFiles(samples: readonly Buffer[], plain: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const packer = fc.constantFrom(...PACKERS);
  const bombs = fc
    .tuple(fc.constantFrom(...plain), packer, fc.constantFrom(1, 8, 40, 70))
    .map(([pickle, pack, mebibytes]) => pack(Buffer.concat([pickle, Buffer.alloc(mebibytes * 2 ** 20)])));
  return fc.oneof(
    { weight: 60, arbitrary: changed(samples) },
    { weight: 35, arbitrary: fc.tuple(pickleFiles(plain), packer).map(([pickle, pack]) => pack(pickle)) },
    { weight: 2, arbitrary: bombs },
  );
}
