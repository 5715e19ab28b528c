import { type Architecture, OPS } from '../../../src/architecture/architecture.js';
import { erf } from '../../engine/reference.js';
import { channelRow, fourDimensional, spatialRow } from './shapes.js';
import { addTo, type ReferenceWeights, relu, sigmoid, type Vector } from './weights.js';

/** Computes D of the spec with a breadth-first search from each node. */
export function hops({ nodes, edges }: Architecture): Uint8Array[] {
  const after = nodes.map((_, index) => edges.filter(([from]) => from === index).map(([, to]) => to));
  return nodes.map((_, from) => {
    const row = new Uint8Array(nodes.length);
    let front = [from];
    for (let hop = 1; hop <= 50 && front.length > 0; hop++) {
      const reached = new Set(
        front.flatMap((node) => after[node]).filter((to) => to !== from && row[to] === 0),
      );
      for (const to of reached) row[to] = hop;
      front = [...reached];
    }
    return row;
  });
}

/** Computes the states of nodes from a graph (docs/ghn.md, sections 2 to 4). */
export class ReferenceEncoder {
  readonly #weights: ReferenceWeights;

  constructor(weights: ReferenceWeights) {
    this.#weights = weights;
  }

  /** Returns x0 of each node, for a GHN-3 with the node's place in the graph. */
  nodeInput({ nodes }: Architecture, distances: readonly Uint8Array[]): Vector[] {
    const { hidden, numClasses, spatial, family } = this.#weights.config;
    const edges = distances.map((row) => [...row].filter((hop) => hop === 1).length);
    const inEdges = nodes.map((_, j) => distances.filter((row) => row[j] === 1).length);
    return nodes.map((node, index) => {
      const x = Float64Array.from(this.#weights.row('embed', OPS.indexOf(node.op)));
      const shape = fourDimensional(node);
      const tables = [
        ['shape_enc.embed_channel', channelRow(numClasses, shape?.[0])],
        ['shape_enc.embed_channel', channelRow(numClasses, shape?.[1])],
        ['shape_enc.embed_spatial', spatialRow(spatial, shape?.[2])],
        ['shape_enc.embed_spatial', spatialRow(spatial, shape?.[3])],
      ] as const;
      tables.forEach(([name, row], part) => {
        this.#weights.row(name, row).forEach((value, k) => {
          x[(part * hidden) / 4 + k] += value;
        });
      });
      if (family === 'ghn3') {
        addTo(x, this.#weights.row('centrality_embed_in', Math.min(inEdges[index], 100)));
        addTo(x, this.#weights.row('centrality_embed_out', Math.min(edges[index], 100)));
        addTo(x, this.#weights.row('input_dist_embed', distances[0][index]));
      }
      return x;
    });
  }

  encode(input: readonly Vector[], distances: readonly Uint8Array[]): Vector[] {
    const states =
      this.#weights.config.family === 'ghn3'
        ? this.#transformer(input, distances)
        : this.#gated(input, distances);
    return this.#weights.config.layerNorm ? states.map((x) => this.#weights.norm(x, 'ln')) : states;
  }

  #transformer(input: readonly Vector[], distances: readonly Uint8Array[]): Vector[] {
    const { layers, heads, hidden } = this.#weights.config;
    const size = hidden / heads;
    const biases = new Map<string, Vector>();
    const bias = (i: number, j: number): Vector => {
      const pair = [distances[i][j], distances[j][i]] as const;
      const key = pair.join();
      let found = biases.get(key);
      if (!found) {
        const edge = pair.flatMap((hop) => [...this.#weights.row('gnn.0.attn.edge_embed.embed', hop + 2)]);
        const inner = this.#weights.linear(Float64Array.from(edge), 'gnn.0.attn.proj_e.0').map(relu);
        found = this.#weights.linear(inner, 'gnn.0.attn.proj_e.2');
        biases.set(key, found);
      }
      return found;
    };
    let x = input.map((row) => row.slice());
    for (let layer = 0; layer < layers; layer++) {
      const p = `gnn.${layer}.`;
      const qkv = x.map((row) => this.#weights.linear(this.#weights.norm(row, `${p}ln1`), `${p}attn.to_qkv`));
      const attended = x.map((_, i) => {
        const out = new Float64Array(hidden);
        for (let head = 0; head < heads; head++) {
          const scores = x.map((_, j) => {
            let score = 0;
            for (let k = head * size; k < (head + 1) * size; k++) score += qkv[i][k] * qkv[j][hidden + k];
            return score / Math.sqrt(size) + bias(i, j)[head];
          });
          const largest = Math.max(...scores);
          const shares = scores.map((score) => Math.exp(score - largest));
          const total = shares.reduce((sum, share) => sum + share, 0);
          for (let k = head * size; k < (head + 1) * size; k++) {
            shares.forEach((share, j) => {
              out[k] += (share / total) * qkv[j][2 * hidden + k];
            });
          }
        }
        return out;
      });
      x = x.map((row, i) => {
        const y = addTo(row.slice(), this.#weights.linear(attended[i], `${p}attn.to_out.0`));
        const wide = this.#weights.linear(this.#weights.norm(y, `${p}ln2`), `${p}ff.net.0`);
        const gelu = wide.map((value) => 0.5 * value * (1 + erf(value / Math.SQRT2)));
        return addTo(y, this.#weights.linear(gelu, `${p}ff.net.3`));
      });
    }
    return x;
  }

  #gated(input: readonly Vector[], distances: readonly Uint8Array[]): Vector[] {
    const x = input.map((row) => row.slice());
    const mlp = (row: Vector, name: string) =>
      this.#weights.linear(this.#weights.linear(row, `${name}.fc.0`).map(relu), `${name}.fc.2`).map(relu);
    const forward = x.map((_, v) => v);
    for (const order of [forward, forward.toReversed()]) {
      for (const v of order) {
        const message = new Float64Array(this.#weights.config.hidden);
        for (const u of forward) {
          const hop = order === forward ? distances[u][v] : distances[v][u];
          if (hop === 0) continue;
          addTo(
            message,
            mlp(x[u], 'gnn.mlp_ve').map((value) => value / hop),
          );
          if (hop === 1) addTo(message, mlp(x[u], 'gnn.mlp'));
        }
        x[v] = this.#gru(message, x[v]);
      }
    }
    return x;
  }

  #gru(message: Vector, state: Vector): Vector {
    const d = this.#weights.config.hidden;
    const fromMessage = this.#weights.affine(message, 'gnn.gru.weight_ih', 'gnn.gru.bias_ih');
    const fromState = this.#weights.affine(state, 'gnn.gru.weight_hh', 'gnn.gru.bias_hh');
    return state.map((h, k) => {
      const r = sigmoid(fromMessage[k] + fromState[k]);
      const z = sigmoid(fromMessage[d + k] + fromState[d + k]);
      const n = Math.tanh(fromMessage[2 * d + k] + r * fromState[2 * d + k]);
      return (1 - z) * n + z * h;
    });
  }
}
