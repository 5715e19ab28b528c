import * as z from 'zod';
import { allocateFloats, type NumberType, readFloats } from './dtype.js';
import { CheckpointError } from './error.js';
import type { FileBytes } from './source.js';
import type { StateDict, StoredTensor } from './stored.js';

const LENGTH_BYTES = 8;

/** The format allows 100 MB. The header of 10,000 tensors takes a tenth of this limit. */
const MAX_HEADER_BYTES = 10_000_000;

/** No known tensor has more dimensions. */
const MAX_DIMENSIONS = 8;

const TYPES = new Map<string, NumberType>(
  (
    [
      { name: 'F64', bytes: 8, float: 'F64' },
      { name: 'F32', bytes: 4, float: 'F32' },
      { name: 'F16', bytes: 2, float: 'F16' },
      { name: 'BF16', bytes: 2, float: 'BF16' },
      ...['I64', 'U64'].map((name) => ({ name, bytes: 8, float: null })),
      ...['I32', 'U32'].map((name) => ({ name, bytes: 4, float: null })),
      ...['I16', 'U16'].map((name) => ({ name, bytes: 2, float: null })),
      ...['I8', 'U8', 'BOOL', 'F8_E5M2', 'F8_E4M3'].map((name) => ({ name, bytes: 1, float: null })),
    ] satisfies NumberType[]
  ).map((type) => [type.name, type]),
);

const Size = z.int().nonnegative();
const Metadata = z.record(z.string(), z.string());
const Tensor = z.strictObject({
  dtype: z.string(),
  shape: z.array(Size).max(MAX_DIMENSIONS),
  data_offsets: z.tuple([Size, Size]),
});

/**
 * Recognises the format by the header's first character and the two highest bytes of its length. Compressed files
 * differ there.
 */
export function isSafetensors(start: Uint8Array): boolean {
  return (
    start[LENGTH_BYTES] === '{'.charCodeAt(0) &&
    start[LENGTH_BYTES - 1] === 0 &&
    start[LENGTH_BYTES - 2] === 0
  );
}

/** Reads a safetensors file. Its metadata can contain the config and the images as JSON. */
export async function readSafetensors(file: FileBytes): Promise<StateDict> {
  const reader = file.reader();
  const length = await reader.uint64('a header');
  if (length > MAX_HEADER_BYTES) fail(`its header has ${length} bytes, at most ${MAX_HEADER_BYTES} are read`);
  const header = parseJson((await reader.bytes(length)).toString(), 'its header');
  if (typeof header !== 'object' || header === null) fail('its header is not an object');

  let config: unknown;
  let images: unknown;
  const tensors: (StoredTensor & { name: string; start: number; end: number })[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      const metadata = Metadata.safeParse(value);
      if (!metadata.success) fail('its __metadata__ is not an object of strings');
      config = parseMetadata(metadata.data, 'config');
      images = parseMetadata(metadata.data, 'images');
    } else tensors.push(readTensor(file, name, value, LENGTH_BYTES + length));
  }

  // The format demands that the tensors cover everything after the header, without gaps or overlaps.
  let end = LENGTH_BYTES + length;
  for (const tensor of tensors.sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (tensor.start !== end)
      fail(`tensor ${shown(tensor.name)} starts at byte ${tensor.start}, not at ${end}`);
    end = tensor.end;
  }
  if (end !== file.size)
    fail(`its tensors end at byte ${end}, the file at ${file.size}; it is truncated or damaged`);
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), config, images };
}

function parseMetadata(metadata: Readonly<Record<string, string>>, key: string): unknown {
  const text = metadata[key];
  return text === undefined ? undefined : parseJson(text, `the ${key} in its __metadata__`);
}

function readTensor(file: FileBytes, name: string, value: unknown, base: number) {
  const { success, data } = Tensor.safeParse(value);
  if (!success)
    return fail(`tensor ${shown(name)} is not described by a dtype, a shape and two data_offsets`);
  const type =
    TYPES.get(data.dtype) ?? fail(`tensor ${shown(name)} has an unknown dtype ${shown(data.dtype)}`);
  const count = data.shape.reduce((product, n) => product * n, 1);
  const [start, end] = data.data_offsets;
  if (end - start !== count * type.bytes) {
    fail(
      `tensor ${shown(name)}: ${end - start} bytes for ${data.dtype} [${data.shape}], ${count * type.bytes} expected`,
    );
  }
  return {
    name,
    shape: data.shape,
    type,
    start: base + start,
    end: base + end,
    load: async () => {
      if (!type.float) fail(`tensor ${shown(name)} is of type ${type.name} where floats are expected`);
      const target = allocateFloats(count);
      await readFloats(file.reader(base + start, base + end), type.float, target);
      return target;
    },
  };
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail(`${what} is not JSON`);
  }
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function fail(message: string): never {
  throw new CheckpointError(`the safetensors file: ${message}`);
}
