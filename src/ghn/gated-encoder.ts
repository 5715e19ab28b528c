/** A PyTorch Linear in the process's memory: weight [outputs, inputs], row-major. */
export interface HostLinear {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

export interface GatedWeights {
  /** PyTorch's GRUCell: gates in the order r, z, n. */
  readonly gruInput: HostLinear;
  readonly gruHidden: HostLinear;
  /** For messages over one hop (`near`), and for those over more hops, the "virtual edges" (`far`). */
  readonly near: readonly [HostLinear, HostLinear];
  readonly far: readonly [HostLinear, HostLinear];
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/**
 * GHN-2's encoder: a gated graph network with one pass forward and one backward (docs/ghn.md, section 4). A node's
 * update waits for those of all nodes that reach it, so the work is a chain of tiny steps (d = 32). It runs in this
 * process in float64, where a step takes less time than a call of an engine.
 *
 * @param input [nodes, d]
 * @param distances [nodes, nodes], row-major
 * @returns the nodes' states before the final norm, [nodes, d]
 */
export function encodeGated(
  input: Float32Array,
  distances: Uint8Array,
  nodes: number,
  weights: GatedWeights,
): Float32Array {
  const hidden = input.length / nodes;
  const states = Float64Array.from(input);
  const message = new Float64Array(hidden);

  for (const backward of [false, true]) {
    const near = new Float64Array(nodes * hidden);
    const far = new Float64Array(nodes * hidden);
    for (let step = 0; step < nodes; step++) {
      const v = backward ? nodes - 1 - step : step;
      message.fill(0);
      for (let u = 0; u < nodes; u++) {
        const hops = backward ? distances[v * nodes + u] : distances[u * nodes + v];
        if (hops === 0) continue;
        for (let k = 0; k < hidden; k++) message[k] += far[u * hidden + k] / hops;
        if (hops === 1) for (let k = 0; k < hidden; k++) message[k] += near[u * hidden + k];
      }
      const state = states.subarray(v * hidden, (v + 1) * hidden);
      gruCell(message, state, weights);
      near.set(perceptron(state, weights.near), v * hidden);
      far.set(perceptron(state, weights.far), v * hidden);
    }
  }
  return Float32Array.from(states);
}

function linear(x: Float64Array, { weight, bias }: HostLinear): Float64Array {
  const y = Float64Array.from(bias);
  for (let row = 0; row < y.length; row++) {
    let sum = 0;
    for (let k = 0; k < x.length; k++) sum += weight[row * x.length + k] * x[k];
    y[row] += sum;
  }
  return y;
}

function perceptron(x: Float64Array, [first, second]: readonly [HostLinear, HostLinear]): Float64Array {
  const relu = (y: Float64Array) => y.map((value) => Math.max(0, value));
  return relu(linear(relu(linear(x, first)), second));
}

/** PyTorch's GRUCell. Replaces the old state by the new one. */
function gruCell(message: Float64Array, state: Float64Array, weights: GatedWeights): void {
  const hidden = state.length;
  const fromMessage = linear(message, weights.gruInput);
  const fromState = linear(state, weights.gruHidden);
  for (let k = 0; k < hidden; k++) {
    const reset = sigmoid(fromMessage[k] + fromState[k]);
    const update = sigmoid(fromMessage[hidden + k] + fromState[hidden + k]);
    const candidate = Math.tanh(fromMessage[2 * hidden + k] + reset * fromState[2 * hidden + k]);
    state[k] = (1 - update) * candidate + update * state[k];
  }
}
