import { threefry, type Words4 } from './threefry.js';

/**
 * The ziggurat of Marsaglia and Tsang ("The Ziggurat Method for Generating Random Variables", 2000): the area under
 * exp(-x²/2) as LAYERS layers of equal area, of which layer 0 has the tail beyond TAIL.
 */
const LAYERS = 256;
const TAIL = 3.6541528853610088;
const AREA = 0.00492867323399;

/** A word is 8 bits of layer and 24 bits, with a sign, of place in it: other bits for each (Doornik, 2005). */
const PLACES = 2 ** 23;

const density = (x: number) => Math.exp(-0.5 * x * x);

/**
 * Right ends of the layers; `edge[LAYERS]` is 0. Rounded to float32, as is what `log` gives below: the last bits of
 * Math.exp and Math.log may differ between processors, and no result may depend on them.
 */
const edge = new Float32Array(LAYERS + 1);
/** exp(-x²/2) at the ends. */
const height = new Float32Array(LAYERS + 1);
/** A place times this is the number. */
export const scale = new Float64Array(LAYERS);
/** Places nearer to 0 are under the curve. */
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

/** The counters of first words end in 0, those of the words that follow one that was not taken in 1. */
const FIRST = 0;
const FOLLOWING = 1;
const following = new Int32Array(4);

/** Words that are made at once: they stay in the processor's first cache. */
export const WORDS_AT_ONCE = 4096;
const words = new Int32Array(WORDS_AT_ONCE);

/**
 * Standard normal numbers `offset` to `offset + out.length - 1` of the key's sequence. The number at an index depends
 * on the key and the index alone, wherever a call begins and however many it asks for.
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

/** The words' numbers; puts the places of those that are not under the curve at once to `missed`, and counts them. */
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
    // ~place is -1 - place: places lie in the middle between two integers, so that none is 0.
    if ((place ^ (place >> 31)) >= inside[layer]) missed[misses++] = i;
  }
  return misses;
}

/** As `fillNormals`, in a new array. */
export function normals(key: Words4, offset: number, count: number): Float32Array {
  const out = new Float32Array(count);
  fillNormals(key, offset, out);
  return out;
}

/** One of about 80 words is not under the curve at once: the number at `index`, whose first word was `first`. */
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

/** Between 0 and 1, neither included. */
function uniform(word: number): number {
  return ((word >>> 0) + 0.5) / 2 ** 32;
}
