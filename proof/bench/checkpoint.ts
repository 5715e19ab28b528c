import { open } from 'node:fs/promises';
import type { GhnConfig } from '../../src/ghn/checkpoint.js';
import { expectedLayout } from '../../src/ghn/layout.js';
import { elements } from '../../src/tensor/tensor.js';

/** Published sizes of GHN-3. */
export const GHN3_T = ghn3({ hidden: 64, layers: 3, heads: 8, channels: 64 });
export const GHN3_XL = ghn3({ hidden: 384, layers: 24, heads: 16, channels: 384 });

function ghn3(size: Pick<GhnConfig, 'hidden' | 'layers' | 'heads' | 'channels'>): GhnConfig {
  return {
    ...size,
    family: 'ghn3',
    spatial: 16,
    numClasses: 1000,
    weightNorm: true,
    layerNorm: true,
    ops: 15,
    maxHops: 50,
    vocabularies: [],
    details: {},
  };
}

/** Random numbers, 16 MB of them. Each tensor reads them from another position. */
const NOISE = new Float32Array(4 * 2 ** 20).map(() => Math.random() - 0.5);

/** Writes a safetensors file of a GHN with this configuration and random weights. */
export async function writeRandomCheckpoint(path: string, ghn: GhnConfig): Promise<void> {
  const { channels, spatial } = ghn;
  const config = {
    max_shape: [channels, channels, spatial, spatial],
    num_classes: ghn.numClasses,
    hid: ghn.hidden,
    layers: ghn.layers,
    heads: ghn.heads,
    weight_norm: ghn.weightNorm,
    layernorm: ghn.layerNorm,
    ve: true,
  };
  const header: Record<string, unknown> = { __metadata__: { config: JSON.stringify(config) } };
  let offset = 0;
  const tensors = expectedLayout(ghn);
  for (const [name, shape] of tensors) {
    const bytes = 4 * elements(shape);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.byteLength));
  await using file = await open(path, 'w');
  await file.write(prefix);
  await file.write(json);
  for (const [name, shape] of tensors) {
    let left = elements(shape);
    const fanIn = shape[1] ?? 1;
    const scale = name.endsWith('.bias') || shape.length === 1 ? 0.1 : 2 / Math.sqrt(fanIn);
    const values = NOISE.map((value) => value * scale);
    while (left > 0) {
      const count = Math.min(left, values.length);
      await file.write(new Uint8Array(values.buffer, 0, 4 * count));
      left -= count;
    }
  }
}
