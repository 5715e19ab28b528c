/** For each new position, the two old positions around it and the weight of the second. */
function positions(size: number, newSize: number) {
  return Array.from({ length: newSize }, (_, index) => {
    const at = Math.max(0, ((index + 0.5) * size) / newSize - 0.5);
    const low = Math.min(Math.floor(at), size - 1);
    return { low, high: Math.min(low + 1, size - 1), fraction: at - low };
  });
}

/**
 * Bilinear interpolation with half-pixel centres, like PyTorch's `interpolate(mode='bilinear', align_corners=False)`.
 *
 * @param planes [planes, height, width], row-major
 * @returns [planes, newHeight, newWidth]
 */
export function resizeBilinear(
  planes: Float32Array,
  [height, width]: readonly [number, number],
  [newHeight, newWidth]: readonly [number, number],
): Float32Array {
  const rows = positions(height, newHeight);
  const columns = positions(width, newWidth);
  const count = planes.length / (height * width);
  const resized = new Float32Array(count * newHeight * newWidth);
  let at = 0;
  for (let plane = 0; plane < count; plane++) {
    const start = plane * height * width;
    for (const row of rows) {
      const above = start + row.low * width;
      const below = start + row.high * width;
      for (const { low, high, fraction } of columns) {
        const left = planes[above + low] * (1 - row.fraction) + planes[below + low] * row.fraction;
        const right = planes[above + high] * (1 - row.fraction) + planes[below + high] * row.fraction;
        resized[at++] = left * (1 - fraction) + right * fraction;
      }
    }
  }
  return resized;
}
