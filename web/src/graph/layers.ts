import { BOX_HEIGHT, BOX_WIDTH, type Layout, type LayoutQuestion } from './layout.js';

const COLUMN_GAP = 24;
const LAYER_GAP = 34;

/**
 * Returns the layer of each box: one below the lowest box that leads to it. Boxes on a cycle get an arbitrary layer.
 */
export function longestPathLayers({ ids, edges }: LayoutQuestion): number[] {
  const index = new Map(ids.map((id, k) => [id, k]));
  const next: number[][] = ids.map(() => []);
  const waiting = new Uint32Array(ids.length);
  for (const [from, to] of edges) {
    next[index.get(from)!].push(index.get(to)!);
    waiting[index.get(to)!]++;
  }
  const layers = new Array<number>(ids.length).fill(0);
  const queue = ids.map((_, k) => k).filter((k) => waiting[k] === 0);
  for (let at = 0; at < queue.length; at++) {
    for (const to of next[queue[at]]) {
      layers[to] = Math.max(layers[to], layers[queue[at]] + 1);
      if (--waiting[to] === 0) queue.push(to);
    }
  }
  return layers;
}

/** Places boxes in layers and draws edges as straight lines: fast for any graph, but does not avoid crossings. */
export function simpleLayout(question: LayoutQuestion): Layout {
  const { ids, edges } = question;
  const layers = longestPathLayers(question);
  const rows: number[][] = [];
  for (const [k, layer] of layers.entries()) {
    rows[layer] ??= [];
    rows[layer].push(k);
  }
  const width = Math.max(...rows.map((row) => row?.length ?? 0)) * (BOX_WIDTH + COLUMN_GAP) + COLUMN_GAP;
  const x = new Float32Array(ids.length);
  const y = new Float32Array(ids.length);
  for (const [layer, row = []] of rows.entries()) {
    for (const [place, k] of row.entries()) {
      x[k] = width / 2 + (place - (row.length - 1) / 2) * (BOX_WIDTH + COLUMN_GAP);
      y[k] = LAYER_GAP + BOX_HEIGHT / 2 + layer * (BOX_HEIGHT + LAYER_GAP);
    }
  }
  const index = new Map(ids.map((id, k) => [id, k]));
  return {
    width,
    height: rows.length * (BOX_HEIGHT + LAYER_GAP) + LAYER_GAP,
    x,
    y,
    lines: edges.map(([from, to]) => {
      const [a, b] = [index.get(from)!, index.get(to)!];
      return Float32Array.of(x[a], y[a] + BOX_HEIGHT / 2, x[b], y[b] - BOX_HEIGHT / 2);
    }),
  };
}
