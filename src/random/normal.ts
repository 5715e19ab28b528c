import { threefry, type Words4 } from './threefry.js';

/**
 * The ziggurat of Marsaglia and Tsang ("The Ziggurat Method for Generating Random Variables", 2000): the area under
 * exp(-x²/2) as LAYERS layers of equal area, of which layer 0 has the tail beyond TAIL.
 */
const LAYERS = 256;
const TAIL = 3.6541528853610088;
const AREA = 0.00492867323399;

/**
 * Number of places on each side of 0: a word has 8 bits for the layer, and other 24 bits, including the sign, for the
 * place in it (Doornik, 2005).
 */
const PLACES = 2 ** 23;

const density = (x: number) => Math.exp(-0.5 * x * x);

/**
 * Right ends of the layers; `edge[LAYERS]` is 0. Rounded to float32, like the results of `log` below: the last bits of
 * Math.exp and Math.log may differ between processors, and no result may depend on them.
 */
const edge = new Float32Array(LAYERS + 1);
/** exp(-x²/2) at the ends of the layers. */
const height = new Float32Array(LAYERS + 1);
/** For each layer, the factor that turns a place into a number. */
export const scale = new Float64Array(LAYERS);
/** For each layer, places with a smaller absolute value than this are under the curve. */
export const inside = new Int32Array(LAYERS);

edge[0] = AREA / density(TAIL);
edge[1] = TAIL;
for (let layer = 2; layer < LAYERS; layer++) {
  const below = edge[layer - 1];
  edge[layer] = Math.sqrt(-2 * Math.log(AREA / below + density(below)));
}
edge[LAYERS] = 0;
for (let layer = 0; layer <= LAYERS; layer++) height[layer] = density(edge[layer]);
for (let layer = 0; layer < LAYERS; layer++) {
  scale[layer] = edge[layer] / PLACES;
  inside[layer] = (edge[layer + 1] / edge[layer]) * PLACES;
}

/** Counters of first words end in 0. Those of the words that follow a rejected first word end in 1. */
const FIRST = 0;
const FOLLOWING = 1;
const following = new Int32Array(4);

/** Number of words that are made at once: they stay in the processor's first cache. */
export const WORDS_AT_ONCE = 4096;
const words = new Int32Array(WORDS_AT_ONCE);

/**
 * Writes the standard normal numbers `offset` to `offset + out.length - 1` of the key's sequence. The number at an
 * index depends only on the key and the index, not on where a call begins or how many numbers it requests.
 */
export function fillNormals(key: Words4, offset: number, out: Float32Array): void {
  let skip = offset % 4;
  let block = (offset - skip) / 4;
  for (let done = 0; done < out.length; ) {
    const count = Math.min(WORDS_AT_ONCE - skip, out.length - done);
    const used = count === WORDS_AT_ONCE ? words : words.subarray(0, 4 * Math.ceil((skip + count) / 4));
    threefry(key, [block >>> 0, Math.floor(block / 2 ** 32), 0, FIRST], used);
    const misses = ziggurat(used, skip, out, done, count, inside, scale);
    for (let k = 0; k < misses; k++) {
      const i = missed[k];
      out[done + i] = normalAfter(key, offset + done + i, used[skip + i]);
    }
    done += count;
    block += WORDS_AT_ONCE / 4;
    skip = 0;
  }
}

const missed = new Int32Array(WORDS_AT_ONCE);

/**
 * Converts words into numbers. Writes the indices of words that are not directly under the curve to `missed`, and
 * returns how many they are.
 */
function ziggurat(
  words: Int32Array,
  skip: number,
  out: Float32Array,
  at: number,
  count: number,
  inside: Int32Array,
  scale: Float64Array,
): number {
  let misses = 0;
  for (let i = 0; i < count; i++) {
    const word = words[skip + i];
    const layer = word & (LAYERS - 1);
    const place = word >> 8;
    out[at + i] = (place + 0.5) * scale[layer];
    // ~place is -1 - place: places lie midway between two integers, so that none is 0.
    if ((place ^ (place >> 31)) >= inside[layer]) missed[misses++] = i;
  }
  return misses;
}

/** Like `fillNormals`, but returns a new array. */
export function normals(key: Words4, offset: number, count: number): Float32Array {
  const out = new Float32Array(count);
  fillNormals(key, offset, out);
  return out;
}

/**
 * Returns the number at `index`, whose first word `first` was not directly under the curve. That happens for about one
 * word in 80.
 */
export function normalAfter(key: Words4, index: number, first: number): number {
  let word = first;
  for (let attempt = 0; ; attempt++) {
    const layer = word & (LAYERS - 1);
    const place = (word >> 8) + 0.5;
    const x = place * scale[layer];
    if (Math.abs(place) < inside[layer]) return x;
    threefry(key, [index >>> 0, Math.floor(index / 2 ** 32), attempt, FOLLOWING], following);
    const u = uniform(following[0]);
    if (layer === 0) {
      const beyond = Math.fround(-Math.log(u)) / TAIL;
      const exponential = Math.fround(-Math.log(uniform(following[1])));
      if (2 * exponential > beyond * beyond) return Math.sign(place) * (TAIL + beyond);
      continue;
    }
    const bottom = height[layer];
    const top = height[layer + 1];
    if (bottom + u * (top - bottom) < Math.fround(density(x))) return x;
    word = following[2];
  }
}

/** Returns a number between 0 and 1, excluding both. */
function uniform(word: number): number {
  return ((word >>> 0) + 0.5) / 2 ** 32;
}
