import { Graph, layout as placeLayers } from '@dagrejs/dagre';
import { BOX_HEIGHT, BOX_WIDTH, type Layout, type LayoutQuestion } from './layout.js';

/** Network simplex gives shorter edges, but takes minutes for graphs of thousands of nodes. */
const MAX_SIMPLEX_NODES = 400;

self.onmessage = ({ data }: MessageEvent<LayoutQuestion & { id: number }>) => {
  self.postMessage({ id: data.id, layout: place(data) });
};

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
