import type { Node } from '../../../src/architecture/architecture.js';

/** Returns the node's shape with four dimensions; undefined if it has none (docs/ghn.md, section 2). */
export function fourDimensional({ weight, bias, kernel }: Node): readonly number[] | undefined {
  const shape = (weight ?? bias)?.shape;
  if (!shape) return kernel && [1, 1, ...kernel];
  if (shape.length === 3 && shape[0] === 1 && Math.min(shape[1], shape[2]) > 1) {
    const side = Math.floor(Math.sqrt(shape[1]));
    return [1, shape[2], side, side];
  }
  return [...shape, 1, 1, 1].slice(0, 4);
}

function nearestRow(table: ReadonlySet<number>, size: number): number {
  const sorted = [...table].sort((a, b) => a - b);
  const distances = sorted.map((entry) => Math.abs(entry - size));
  return distances.indexOf(Math.min(...distances));
}

/** Without a size, returns the row after the table's last. */
export function channelRow(numClasses: number, channels: number | undefined): number {
  const table = new Set([1, 3, numClasses]);
  for (let size = 8; size < 64; size += 8) table.add(size);
  for (let size = 64; size < 4096; size += 16) table.add(size);
  for (let size = 4096; size <= 8192; size += 32) table.add(size);
  if (channels === undefined) return table.size;
  return nearestRow(table, channels >= 4 && channels < 8 ? 8 : channels);
}

export function spatialRow(spatial: number, size: number | undefined): number {
  const table = new Set([14, 16]);
  for (let odd = 1; odd < Math.max(12, spatial); odd += 2) table.add(odd);
  if (size === undefined) return table.size;
  return nearestRow(table, size === 2 ? 3 : size);
}
