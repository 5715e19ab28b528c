/*
 * The inner loops of post-processing for WebAssembly with SIMD, in AssemblyScript. `npm run kernel` compiles them to
 * ../binary.ts. They give the same bits everywhere: no fused multiply-add, no relaxed SIMD, no library functions.
 *
 * Memory belongs to the caller, who passes addresses that are multiples of 16.
 */

/** Lanes of four counters, in the order of their words: the transpose of what threefry computes. */
@inline
function storeWords(out: usize, x0: v128, x1: v128, x2: v128, x3: v128): void {
  const a = i8x16.shuffle(x0, x1, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const b = i8x16.shuffle(x2, x3, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const c = i8x16.shuffle(x0, x1, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const d = i8x16.shuffle(x2, x3, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(out, i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(out + 16, i8x16.shuffle(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
  v128.store(out + 32, i8x16.shuffle(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(out + 48, i8x16.shuffle(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
}

@inline
function rotate(x: v128, left: i32): v128 {
  return v128.or(i32x4.shl(x, left), i32x4.shr_u(x, 32 - left));
}

/**
 * Threefry4x32-20 as in src/random/threefry.ts, four counters at a time: 16 words for each.
 *
 * @param low, middle the first counter's lower two words; the upper two are 0, as for the first words of normal numbers
 * @param counters a multiple of 4
 */
export function threefry(
  k0: i32, k1: i32, k2: i32, k3: i32,
  low: u32, middle: u32,
  counters: i32,
  out: usize,
): void {
  const k4 = 0x1bd11bda ^ k0 ^ k1 ^ k2 ^ k3;
  const s0 = i32x4.splat(k0);
  const s1 = i32x4.splat(k1);
  const s2 = i32x4.splat(k2);
  const s3 = i32x4.splat(k3);
  const s4 = i32x4.splat(k4);
  for (let done = 0; done < counters; done += 4) {
    // Lanes after a carry out of the lower word have the next middle word.
    const lows = i32x4.add(i32x4.splat(low), i32x4(0, 1, 2, 3));
    const carries = i32x4.lt_u(lows, i32x4.splat(low));
    let x0 = i32x4.add(lows, s0);
    let x1 = i32x4.add(i32x4.sub(i32x4.splat(middle), carries), s1);
    let x2 = s2;
    let x3 = s3;
    const before = low;
    low += 4;
    if (low < before) middle++;

    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 10), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 26), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 11), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 21), x2);
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 13), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 27), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 23), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 5), x2);
    x0 = i32x4.add(x0, s1); x1 = i32x4.add(x1, s2); x2 = i32x4.add(x2, s3); x3 = i32x4.add(x3, i32x4.splat(k4 + 1));
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 6), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 20), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 17), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 11), x2);
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 25), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 10), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 18), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 20), x2);
    x0 = i32x4.add(x0, s2); x1 = i32x4.add(x1, s3); x2 = i32x4.add(x2, s4); x3 = i32x4.add(x3, i32x4.splat(k0 + 2));
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 10), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 26), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 11), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 21), x2);
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 13), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 27), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 23), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 5), x2);
    x0 = i32x4.add(x0, s3); x1 = i32x4.add(x1, s4); x2 = i32x4.add(x2, s0); x3 = i32x4.add(x3, i32x4.splat(k1 + 3));
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 6), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 20), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 17), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 11), x2);
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 25), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 10), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 18), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 20), x2);
    x0 = i32x4.add(x0, s4); x1 = i32x4.add(x1, s0); x2 = i32x4.add(x2, s1); x3 = i32x4.add(x3, i32x4.splat(k2 + 4));
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 10), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 26), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 11), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 21), x2);
    x0 = i32x4.add(x0, x1); x1 = v128.xor(rotate(x1, 13), x0); x2 = i32x4.add(x2, x3); x3 = v128.xor(rotate(x3, 27), x2);
    x0 = i32x4.add(x0, x3); x3 = v128.xor(rotate(x3, 23), x0); x2 = i32x4.add(x2, x1); x1 = v128.xor(rotate(x1, 5), x2);
    x0 = i32x4.add(x0, s0); x1 = i32x4.add(x1, s1); x2 = i32x4.add(x2, s2); x3 = i32x4.add(x3, i32x4.splat(k3 + 5));
    storeWords(out, x0, x1, x2, x3);
    out += 64;
  }
}

/** Layers of the ziggurat in src/random/normal.ts. */
const LAYERS: i32 = 256;

/**
 * The words' numbers by the ziggurat in src/random/normal.ts.
 *
 * @param inside its `inside`, [LAYERS] int32
 * @param scale its `scale`, [LAYERS] float64
 * @param missed receives the places of the words that are not under the curve at once, int32
 * @returns how many these are
 */
export function ziggurat(words: usize, count: i32, inside: usize, scale: usize, out: usize, missed: usize): i32 {
  let misses = 0;
  for (let i = 0; i < count; i++) {
    const word = load<i32>(words + (<usize>i << 2));
    const layer = <usize>(word & (LAYERS - 1));
    const place = word >> 8;
    store<f32>(out + (<usize>i << 2), <f32>((<f64>place + 0.5) * load<f64>(scale + (layer << 3))));
    store<i32>(missed + (<usize>misses << 2), i);
    misses += <i32>((place ^ (place >> 31)) >= load<i32>(inside + (layer << 2)));
  }
  return misses;
}

@inline
function widen(address: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(address));
}

/**
 * row += factor · normals, each sum rounded once.
 *
 * @param length of both, float32; up to one place beyond it is overwritten
 */
export function addScaled(row: usize, normals: usize, factor: f64, length: i32): void {
  const factors = f64x2.splat(factor);
  const end = row + (<usize>length << 2);
  for (; row < end; row += 8, normals += 8) {
    const sum = f64x2.add(widen(row), f64x2.mul(factors, widen(normals)));
    v128.store64_lane(row, f32x4.demote_f64x2_zero(sum), 0);
  }
}

/**
 * contrast = times · row − sum, and sum += row.
 *
 * @param row float32
 * @param sum, contrast float64
 * @param length of all; where it is odd, the place beyond it is read and must hold 0
 * @returns the squared length of the contrast
 */
export function takeMean(row: usize, sum: usize, contrast: usize, times: f64, length: i32): f64 {
  const factors = f64x2.splat(times);
  let first = f64x2.splat(0);
  let second = f64x2.splat(0);
  const end = row + (<usize>(length + 1) >> 1 << 3);
  for (; row + 8 < end; row += 16, sum += 32, contrast += 32) {
    const values = v128.load(row);
    const low = f64x2.promote_low_f32x4(values);
    const high = f64x2.promote_low_f32x4(i8x16.shuffle(values, values, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
    const sumLow = v128.load(sum);
    const sumHigh = v128.load(sum, 16);
    const a = f64x2.sub(f64x2.mul(factors, low), sumLow);
    const b = f64x2.sub(f64x2.mul(factors, high), sumHigh);
    v128.store(contrast, a);
    v128.store(contrast, b, 16);
    v128.store(sum, f64x2.add(sumLow, low));
    v128.store(sum, f64x2.add(sumHigh, high), 16);
    first = f64x2.add(first, f64x2.mul(a, a));
    second = f64x2.add(second, f64x2.mul(b, b));
  }
  for (; row < end; row += 8, sum += 16, contrast += 16) {
    const low = widen(row);
    const sumLow = v128.load(sum);
    const a = f64x2.sub(f64x2.mul(factors, low), sumLow);
    v128.store(contrast, a);
    v128.store(sum, f64x2.add(sumLow, low));
    first = f64x2.add(first, f64x2.mul(a, a));
  }
  const total = f64x2.add(first, second);
  return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
}

/** out = factor · contrast, in float32. Writes up to three places beyond the end. */
export function scaleToFloat32(contrast: usize, factor: f64, out: usize, length: i32): void {
  const factors = f64x2.splat(factor);
  const end = out + (<usize>length << 2);
  for (; out < end; out += 16, contrast += 32) {
    const low = f32x4.demote_f64x2_zero(f64x2.mul(factors, v128.load(contrast)));
    const high = f32x4.demote_f64x2_zero(f64x2.mul(factors, v128.load(contrast, 16)));
    v128.store(out, i8x16.shuffle(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  }
}

/** The smallest entry on the diagonal of the factor that `inverseCholesky` computed last. */
export let smallest: f64 = 0;

/**
 * L⁻¹ of the Cholesky factorisation of a symmetric matrix,, the diagonal of L positive. All are float64.
 *
 * @param gram [size, size]; its lower triangle is read
 * @param factor, inverse [size, size], overwritten
 * @param column [size + 2], overwritten
 * @returns how many leading rows were factorised; the inverse has that many rows and columns, and 0 above its diagonal
 */
export function inverseCholesky(
  gram: usize,
  factor: usize,
  inverse: usize,
  column: usize,
  size: i32,
  independent: f64,
): i32 {
  const stride = <usize>size << 3;
  memory.copy(factor, gram, <usize>size * stride);
  let rows = 0;
  smallest = Infinity;
  for (; rows < size; rows++) {
    const at = <usize>rows << 3;
    const pivot = load<f64>(factor + <usize>rows * stride + at);
    if (!(pivot > independent * load<f64>(gram + <usize>rows * stride + at))) break;
    const diagonal = sqrt(pivot);
    smallest = min(smallest, diagonal);
    for (let i = rows; i < size; i++) {
      const entry = factor + <usize>i * stride + at;
      const value = load<f64>(entry) / diagonal;
      store<f64>(entry, value);
      store<f64>(column + (<usize>i << 3), value);
    }
    // Past the end, where a pair of entries reaches into the next row, nothing is taken away.
    v128.store(column + (<usize>size << 3), f64x2.splat(0));
    for (let i = rows + 1; i < size; i++) {
      const scales = f64x2.splat(load<f64>(column + (<usize>i << 3)));
      const end = factor + <usize>i * stride + (<usize>i << 3);
      let other = column + at + 8;
      for (let entry = factor + <usize>i * stride + at + 8; entry <= end; entry += 16, other += 16) {
        v128.store(entry, f64x2.sub(v128.load(entry), f64x2.mul(scales, v128.load(other))));
      }
    }
  }
  invertLower(factor, inverse, stride, rows);
  return rows;
}

function invertLower(factor: usize, inverse: usize, stride: usize, rows: i32): void {
  memory.fill(inverse, 0, <usize>rows * stride);
  for (let i = 0; i < rows; i++) {
    const row = inverse + <usize>i * stride;
    store<f64>(row + (<usize>i << 3), 1);
    for (let k = 0; k < i; k++) {
      const scales = f64x2.splat(load<f64>(factor + <usize>i * stride + (<usize>k << 3)));
      let above = inverse + <usize>k * stride;
      // The entry after the diagonal is 0: a pair that reaches it changes nothing.
      for (let entry = row; entry <= row + (<usize>k << 3); entry += 16, above += 16) {
        v128.store(entry, f64x2.sub(v128.load(entry), f64x2.mul(scales, v128.load(above))));
      }
    }
    const diagonal = load<f64>(factor + <usize>i * stride + (<usize>i << 3));
    for (let j = 0; j <= i; j++) {
      const entry = row + (<usize>j << 3);
      store<f64>(entry, load<f64>(entry) / diagonal);
    }
  }
}
