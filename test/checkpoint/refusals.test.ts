import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { safetensorsOf } from '../../proof/fuzz/inputs/containers.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import type { Weight } from '../../src/ghn/weight.js';
import { ENCODINGS, refusal, safetensors, useFolder, zeros } from './files.js';

const write = useFolder();
const ghn3 = (await readCheckpoint(join(ENCODINGS, 'ghn3.zip.pt'))).weights;
const ghn2 = (await readCheckpoint(join(ENCODINGS, 'ghn2.zip.pt'))).weights;

async function refusalOf(weights: ReadonlyMap<string, Weight>, config?: object): Promise<string> {
  return refusal(await write('altered.safetensors', safetensors(weights, config)));
}

function altered(
  base: ReadonlyMap<string, Weight>,
  changes: Record<string, Weight | null>,
): Map<string, Weight> {
  const weights = new Map(base);
  for (const [name, weight] of Object.entries(changes)) {
    if (weight) weights.set(name, weight);
    else weights.delete(name);
  }
  return weights;
}

test('a missing file and a folder are named in the message', async () => {
  expect(await refusal(join(ENCODINGS, 'none.pt'))).toMatch(/none\.pt: cannot be read: ENOENT/);
  expect(await refusal(ENCODINGS)).toMatch(/encodings: is not a file/);
});

test.each([
  ['nothing', '', /is empty/],
  ['text', 'hello', /expected a torch.save, a joblib pickle or a safetensors file/],
  ['a git-lfs pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0', /git lfs pull/],
  ['something else, compressed', gzipSync('hello'), /something else than a pickle, compressed with gzip/],
])('a file with %s is refused', async (_, content, message) => {
  expect(await refusal(await write('other', Buffer.from(content)))).toMatch(message);
});

test('every fault is reported, not only the first', async () => {
  const message = await refusalOf(
    altered(ghn3, {
      'ln.bias': null,
      'gnn.1.attn.to_qkv.weight': zeros(12, 5),
      'decoder.mlp.weight': zeros(2, 2),
    }),
    { hid: 8, decoder: 'mlp', ve: false, layers: 2, max_shape: [4, 5, 3, 3] },
  );
  expect(message).toContain('the config says hid = 8, embed.weight says 4');
  expect(message).toContain('the config says decoder = "mlp", only "conv" is supported');
  expect(message).toContain('the config says ve = false');
  expect(message).toContain('max_shape = [4,5,3,3]');
  expect(message).toContain('ln.bias [4] is missing');
  expect(message).toContain('gnn.1.attn.to_qkv.weight has shape [12, 5], [12, 4] expected');
  expect(message).toContain('"decoder.mlp.weight" [2, 2] is not a tensor of a GHN-3');
});

test('a network that is not a GHN is refused with the tensors that a GHN has', async () => {
  const message = await refusalOf(new Map([['conv1.weight', zeros(64, 3, 7, 7)]]));
  expect(message).toMatch(/is not one of the published families \(GHN-3, GHN-2, LoGAH\)/);
  expect(message).toContain('embed.weight [15, ?] is missing');
  expect(message.split('\n').length).toBeLessThan(50);
});

test('heads that do not divide the hidden size are refused', async () => {
  const message = await refusalOf(
    altered(ghn3, { 'gnn.0.attn.proj_e.2.weight': zeros(3, 4), 'gnn.0.attn.proj_e.2.bias': zeros(3) }),
  );
  expect(message).toContain('hid = 4 is not divisible by the 3 heads');
});

test('a shape table of another size is refused', async () => {
  const message = await refusalOf(altered(ghn3, { 'shape_enc.embed_spatial.weight': zeros(10, 1) }));
  expect(message).toContain('shape_enc.embed_spatial.weight has shape [10, 1], [9, 1] expected');
});

test.each([
  [{ num_classes: 10 }, 'the config says num_classes = 10, decoder.class_layer_predictor.1.weight says 5'],
  [{ heads: 4 }, 'the config says heads = 4, gnn.0.attn.proj_e.2.weight says 2'],
  [{ layers: 3 }, 'the config says layers = 3, the number of gnn.N.ln1.weight says 2'],
  [{ layers: 1e9 }, 'the config says layers = 1000000000'],
  [{ max_shape: [8, 8, 3, 3] }, 'the config says max_shape[0] = 8, decoder.conv.2.weight says 4'],
  [{ max_shape: [4, 4, 11, 11] }, 'the config says max_shape[2] = 11, decoder.fc.0.weight says 3'],
  [{ layernorm: false }, 'the config says layernorm = false, but there is an ln.weight'],
  [{ is_ghn2: true }, "the config says is_ghn2 = true, the tensors are a GHN-3's"],
  [{ hid: 'many' }, 'config.hid: '],
])('the config %o contradicts the tensors', async (config, fault) => {
  expect(await refusalOf(ghn3, config)).toContain(fault);
});

test('a GHN-2 with another encoder or without virtual edges is refused', async () => {
  expect(await refusalOf(ghn2, { hypernet: 'mlp' })).toContain('only "gatedgnn" is supported for a GHN-2');
  const message = await refusalOf(
    altered(
      ghn2,
      Object.fromEntries([...ghn2.keys()].filter((n) => n.includes('mlp_ve')).map((n) => [n, null])),
    ),
  );
  expect(message).toContain('gnn.mlp_ve.fc.0.weight [2, 4] is missing');
});

test('missing config values are inferred, and unknown ones are ignored', async () => {
  const path = await write('partial.safetensors', safetensors(ghn3, { weight_norm: false, debug_level: 3 }));
  const { config } = await readCheckpoint(path);
  expect(config).toMatchObject({ family: 'ghn3', hidden: 4, layers: 2, heads: 2, weightNorm: false });
});

test('a GHN without the last norm is read', async () => {
  const path = await write(
    'no-norm.safetensors',
    safetensors(altered(ghn3, { 'ln.weight': null, 'ln.bias': null })),
  );
  expect((await readCheckpoint(path)).config.layerNorm).toBe(false);
});

test('a tensor that exists under both of its names is refused', async () => {
  const message = await refusalOf(altered(ghn3, { 'gnn.0.input_dist_embed.weight': zeros(1001, 4) }));
  expect(message).toContain(
    'input_dist_embed.weight is there twice, the second time as "gnn.0.input_dist_embed.weight"',
  );
});

test('a tensor of integers is refused', async () => {
  const file = safetensors(ghn3);
  const text = file.toString('latin1').replace('"ln.bias":{"dtype":"F32"', '"ln.bias":{"dtype":"I32"');
  expect(await refusal(await write('integers', Buffer.from(text, 'latin1')))).toContain(
    'ln.bias is of type I32',
  );
});

test.each([
  ['a gap', { a: [0, 4], b: [8, 12] }, 12, /"b" starts at byte/],
  ['an overlap', { a: [0, 4], b: [0, 4] }, 4, /"b" starts at byte/],
  ['a rest', { a: [0, 4] }, 8, /its tensors end at byte/],
  ['less than it says', { a: [0, 4], b: [4, 8] }, 4, /its tensors end at byte/],
  ['a wrong length', { a: [0, 8] }, 8, /8 bytes for F32 \[1\], 4 expected/],
])('a safetensors file with %s is refused', async (_, offsets, size, message) => {
  const header = Object.fromEntries(
    Object.entries(offsets).map(([name, data_offsets]) => [name, { dtype: 'F32', shape: [1], data_offsets }]),
  );
  expect(await refusal(await write('offsets', safetensorsOf(header, Buffer.alloc(size))))).toMatch(message);
});

test('a safetensors header that is too large is refused before it is read', async () => {
  const file = Buffer.concat([Buffer.from('0000000001000000', 'hex'), Buffer.from('{}')]);
  expect(await refusal(await write('header', file))).toMatch(
    /header has 4294967296 bytes, at most 10000000 are read/,
  );
});

test('a compressed zip entry is refused with the remedy', async () => {
  const file = await readFile(join(ENCODINGS, 'ghn3.zip.pt'));
  // The method is 10 bytes into each entry of the directory at the end.
  for (let at = file.indexOf('PK\x01\x02'); at >= 0; at = file.indexOf('PK\x01\x02', at + 1))
    file.writeUInt16LE(8, at + 10);
  expect(await refusal(await write('deflated.pt', file))).toMatch(
    /is compressed; pack it again with "zip -0"/,
  );
});
