import type { Architecture } from './architecture.js';

/** Longer paths count as none in a graph of an image network (docs/ghn.md, section 1). */
export const MAX_HOPS = 50;

/**
 * The matrix D of docs/ghn.md, section 1, row-major [nodes, nodes]. Entry (i, j) is the number of hops, 1 to `maxHops`,
 * on the shortest directed path from i to j. It is 0 on the diagonal, and if there is no path or only a longer one.
 */
export function distances(
  architecture: Pick<Architecture, 'nodes' | 'edges'>,
  maxHops = MAX_HOPS,
): Uint8Array {
  const count = architecture.nodes.length;
  const adjacent = adjacency(architecture);
  const { words, bits, last } = adjacent;
  const reachable = closure(adjacent, count);
  const result = new Uint8Array(count * count);
  let front = new Int32Array(count);
  let next = new Int32Array(count);
  for (let from = 0; from < count; from++) {
    // Breadth-first search over the words `low` to `high`, the only ones that still have unfound nodes.
    const unfound = reachable.subarray(from * words, (from + 1) * words);
    let low = from >>> 5;
    let high = words - 1;
    front[0] = from;
    let size = 1;
    for (let hops = 1; size > 0 && hops <= maxHops; hops++) {
      while (low <= high && unfound[low] === 0) low++;
      while (low <= high && unfound[high] === 0) high--;
      let found = 0;
      for (let k = 0; k < size; k++) {
        const node = front[k]!;
        const end = Math.min(high, last[node]!);
        for (let word = Math.max(low, node >>> 5); word <= end; word++) {
          let fresh = bits[node * words + word]! & unfound[word]!;
          unfound[word]! ^= fresh;
          for (; fresh !== 0; fresh &= fresh - 1) {
            const to = lowestBit(word, fresh);
            result[from * count + to] = hops;
            next[found++] = to;
          }
        }
      }
      [front, next] = [next, front];
      size = found;
    }
  }
  return result;
}

/** One set of nodes per node, as `words` words with a bit for each member. All members come after the node itself. */
interface BitSets {
  readonly words: number;
  readonly bits: Int32Array;
  /** The last word of each set that is not 0, or -1. */
  readonly last: Int32Array;
}

/** The successors of each node. */
function adjacency({ nodes, edges }: Pick<Architecture, 'nodes' | 'edges'>): BitSets {
  const words = Math.ceil(nodes.length / 32);
  const bits = new Int32Array(nodes.length * words);
  const last = new Int32Array(nodes.length).fill(-1);
  for (const [from, to] of edges) {
    bits[from * words + (to >>> 5)]! |= 1 << (to & 31);
    last[from] = Math.max(last[from]!, to >>> 5);
  }
  return { words, bits, last };
}

/** All nodes that each node's paths lead to, however long the paths are. */
function closure({ words, bits, last }: BitSets, count: number): Int32Array {
  const reachable = bits.slice();
  for (let node = count - 1; node >= 0; node--) {
    const row = node * words;
    const behind = new Int32Array(words);
    for (let word = node >>> 5; word <= last[node]!; word++) {
      // A successor that another successor leads to adds nothing.
      for (let left = bits[row + word]! & ~behind[word]!; left !== 0; left &= ~behind[word]! & (left - 1)) {
        const successor = lowestBit(word, left) * words;
        for (let w = word; w < words; w++) behind[w]! |= reachable[successor + w]!;
      }
    }
    for (let word = node >>> 5; word < words; word++) reachable[row + word]! |= behind[word]!;
  }
  return reachable;
}

function lowestBit(word: number, value: number): number {
  return (word << 5) + 31 - Math.clz32(value & -value);
}
