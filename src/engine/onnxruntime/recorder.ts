import type { Activation, AttentionBias, Linear, Matrix, Operations } from '../engine.js';
import type { OnnxModel, OnnxNode } from './model.js';
import { ACTIVATIONS, attentionModel, LAYER_NORM } from './models.js';

/** A weight that a recording can include. */
export interface RecordedWeight {
  readonly rows: number;
  readonly columns: number;
}

export interface Recording<W extends RecordedWeight> {
  readonly model: OnnxModel;
  readonly weights: ReadonlyMap<W, string>;
  readonly heads: number;
}

/**
 * The way in which a recorded attention computes its scores: all at once, or in passes over some of the queries. An
 * input of the graph gives the number of queries in one pass.
 */
export type RecordedAttention = 'at once' | 'in passes';

/**
 * Records operations as one ONNX graph, together with the weights that they use. The graph's inputs are `x` and the
 * rows of the attention bias. With attention in passes, further inputs are the queries of one pass, [1], and the number
 * of passes.
 */
export class Recorder<M extends Matrix, W extends RecordedWeight> implements Operations<M> {
  readonly #nodes: OnnxNode[] = [];
  readonly #weights = new Map<W, string>();
  readonly #shapes: Record<string, readonly number[]> = {};
  readonly #names = new Map<M, string>();
  readonly #weightOf: (matrix: M) => W | null;
  readonly #result: (columns: number) => M;
  readonly #attention: RecordedAttention;
  #count = 0;
  #heads = 1;

  /**
   * @param weightOf returns the weight that a matrix is, or null if it is something else
   * @param result makes a matrix that stands for a result
   */
  constructor(
    weightOf: (matrix: M) => W | null,
    result: (columns: number) => M,
    attention: RecordedAttention,
  ) {
    this.#weightOf = weightOf;
    this.#result = result;
    this.#attention = attention;
  }

  input(columns: number): M {
    const x = this.#result(columns);
    this.#names.set(x, 'x');
    return x;
  }

  linear(x: M, { weight, bias }: Linear<M>, activation: Activation = 'none'): M {
    const inputs = [this.#name(x), this.#name(weight), ...(bias ? [this.#vector(bias)] : [])];
    const product = this.#add('Gemm', inputs, weight.rows, { transB: 1 });
    const op = ACTIVATIONS[activation];
    return op ? this.#add(op, [this.#name(product)], weight.rows) : product;
  }

  add(a: M, b: M): M {
    return this.#add('Add', [this.#name(a), this.#name(b)], a.columns);
  }

  layerNorm(x: M, gain: M, bias: M): M {
    const [{ op, attributes }] = LAYER_NORM.nodes;
    const inputs = [this.#name(x), this.#vector(gain), this.#vector(bias)];
    return this.#add(op, inputs, x.columns, attributes);
  }

  attention(qkv: M, { table }: AttentionBias<M>, heads: number): M {
    this.#heads = Math.max(this.#heads, heads);
    const hidden = qkv.columns / 3;
    const scope = `attention${this.#count++}`;
    const model = attentionModel(heads, hidden);
    const outer = { qkv: this.#name(qkv), table: this.#name(table) };
    if (this.#attention === 'in passes') return this.#attentionInPasses(scope, model, outer, hidden);
    const names: Readonly<Record<string, string>> = { ...outer, queries: outer.qkv, row: 'rows' };
    const inner = (name: string) => names[name] ?? `${scope}.${name}`;
    for (const [name, vector] of Object.entries(model.constants ?? {})) this.#shapes[inner(name)] = vector;
    this.#nodes.push(...renamed(model.nodes, inner));
    const result = this.#result(hidden);
    this.#names.set(result, inner('y'));
    return result;
  }

  /** Adds a loop over parts of the queries. The number of passes depends on the number of nodes. */
  #attentionInPasses(
    scope: string,
    { constants, nodes }: OnnxModel,
    outer: Readonly<Record<string, string>>,
    hidden: number,
  ): M {
    const inner = (name: string) => outer[name] ?? `${scope}.${name}`;
    const body: OnnxModel = {
      inputs: { [inner('pass')]: 'int64', [inner('go_on')]: 'bool', [inner('before')]: 'float32' },
      scalars: [inner('pass'), inner('go_on')],
      outputs: { [inner('still')]: 'bool', [inner('so_far')]: 'float32' },
      constants: Object.fromEntries(
        Object.entries(constants ?? {}).map(([name, vector]) => [inner(name), vector]),
      ),
      nodes: [
        { op: 'Identity', inputs: [inner('go_on')], outputs: [inner('still')] },
        { op: 'Mul', inputs: [inner('pass'), 'queries_at_once'], outputs: [inner('start')] },
        { op: 'Add', inputs: [inner('start'), 'queries_at_once'], outputs: [inner('end')] },
        { op: 'Slice', inputs: [inner('qkv'), inner('start'), inner('end')], outputs: [inner('queries')] },
        { op: 'Slice', inputs: ['rows', inner('start'), inner('end')], outputs: [inner('row')] },
        ...renamed(nodes, inner),
        {
          op: 'Concat',
          inputs: [inner('before'), inner('y')],
          outputs: [inner('so_far')],
          attributes: { axis: 0 },
        },
      ],
    };
    this.#shapes[inner('none')] = [0, hidden];
    this.#nodes.push({ op: 'ConstantOfShape', inputs: [inner('none')], outputs: [inner('empty')] });
    return this.#add('Loop', ['passes', '', inner('empty')], hidden, { body: { graph: body } });
  }

  /**
   * Returns the graph whose output is `y`, its weights by their names in the graph, and the largest number of attention
   * heads.
   */
  finish(y: M): Recording<W> {
    const shapes = [...this.#weights].map(([{ rows, columns }, name]) => [
      name,
      name.startsWith('vector') ? [rows * columns] : [rows, columns],
    ]);
    return {
      model: {
        inputs: {
          x: 'float32',
          rows: 'int32',
          ...(this.#attention === 'in passes' ? { queries_at_once: 'int64', passes: 'int64' } : {}),
        },
        outputs: { y: 'float32' },
        constants: this.#shapes,
        weights: Object.fromEntries(shapes) as Record<string, number[]>,
        nodes: [...this.#nodes, { op: 'Identity', inputs: [this.#name(y)], outputs: ['y'] }],
      },
      weights: this.#weights,
      heads: this.#heads,
    };
  }

  #add(op: string, inputs: readonly string[], columns: number, attributes?: OnnxNode['attributes']): M {
    const name = `value${this.#count++}`;
    this.#nodes.push({ op, inputs, outputs: [name], ...(attributes ? { attributes } : {}) });
    const result = this.#result(columns);
    this.#names.set(result, name);
    return result;
  }

  #name(matrix: M): string {
    return this.#names.get(matrix) ?? this.#take(matrix, 'weight');
  }

  /** Adds a weight of one row as a vector, the form that biases and gains need. */
  #vector(matrix: M): string {
    return this.#take(matrix, 'vector');
  }

  #take(matrix: M, kind: 'weight' | 'vector'): string {
    const weight = this.#weightOf(matrix);
    if (!weight) throw new Error('a recorded computation may use its input, its results and weights alone');
    let name = this.#weights.get(weight);
    if (!name) {
      name = `${kind}${this.#weights.size}`;
      this.#weights.set(weight, name);
    }
    return name;
  }
}

const renamed = (nodes: readonly OnnxNode[], rename: (name: string) => string): OnnxNode[] =>
  nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }));
