import { Graph, layout as placeLayers } from '@dagrejs/dagre';
import { longestPathLayers, simpleLayout } from './layers.js';
import { BOX_HEIGHT, BOX_WIDTH, type Layout, type LayoutQuestion } from './layout.js';

/**
 * Limit of crossings between edges and layers. dagre inserts a node for each, and densely connected networks have tens
 * of thousands of them, for which it takes minutes or fails.
 */
const MAX_CROSSINGS = 6000;

/** Network simplex gives shorter edges, but takes minutes for graphs of thousands of nodes. */
const MAX_SIMPLEX_NODES = 400;

self.onmessage = ({ data }: MessageEvent<LayoutQuestion & { id: number }>) => {
  self.postMessage({
    id: data.id,
    layout: crossings(data) > MAX_CROSSINGS ? simpleLayout(data) : place(data),
  });
};

function crossings(question: LayoutQuestion): number {
  const layers = longestPathLayers(question);
  const index = new Map(question.ids.map((id, k) => [id, k]));
  return question.edges.reduce(
    (sum, [from, to]) => sum + Math.abs(layers[index.get(to)!] - layers[index.get(from)!]),
    0,
  );
}

function place({ ids, edges }: LayoutQuestion): Layout {
  const graph = new Graph();
  graph.setGraph({
    rankdir: 'TB',
    nodesep: 24,
    ranksep: 34,
    marginx: 20,
    marginy: 20,
    ranker: ids.length > MAX_SIMPLEX_NODES ? 'longest-path' : 'network-simplex',
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) graph.setNode(id, { width: BOX_WIDTH, height: BOX_HEIGHT });
  for (const [from, to] of edges) graph.setEdge(from, to);
  placeLayers(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const boxes = ids.map((id) => graph.node(id) as { x: number; y: number });
  return {
    width,
    height,
    x: Float32Array.from(boxes, ({ x }) => x),
    y: Float32Array.from(boxes, ({ y }) => y),
    lines: edges.map(([from, to]) => {
      const { points = [] } = graph.edge(from, to) as { points?: { x: number; y: number }[] };
      return Float32Array.from(points.flatMap(({ x, y }) => [x, y]));
    }),
  };
}
