import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { DenseMatrix, FloatArray, Products } from '../../postprocess/products.js';
import type { ElementType, OnnxModel, OnnxNode } from './model.js';
import { createSession } from './session.js';

type Precision = Extract<ElementType, 'float32' | 'float64'>;

const NODES = {
  multiply: { op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] },
  multiplyTransposed: { op: 'Gemm', inputs: ['a', 'b'], outputs: ['y'], attributes: { transB: 1 } },
  subtractProduct: {
    op: 'Gemm',
    inputs: ['a', 'b', 'c'],
    outputs: ['y'],
    attributes: { alpha: { float: -1 } },
  },
} satisfies Record<string, OnnxNode>;

type Operation = keyof typeof NODES;

function model(operation: Operation, precision: Precision): OnnxModel {
  const node = NODES[operation];
  return {
    inputs: Object.fromEntries(node.inputs.map((name) => [name, precision])),
    outputs: { y: precision },
    nodes: [node],
  };
}

/**
 * Products by onnxruntime's native code, which reads the operands where they lie and writes the result where it is
 * wanted. As every run of onnxruntime they must not be called from two threads of a process at once.
 */
export class OnnxruntimeProducts implements Products {
  readonly #sessions = new Map<string, Promise<InferenceSession>>();

  multiply<A extends FloatArray>(a: DenseMatrix<A>, b: DenseMatrix<A>, y: DenseMatrix<A>): Promise<void> {
    return this.#run('multiply', { a, b }, y);
  }

  multiplyTransposed<A extends FloatArray>(
    a: DenseMatrix<A>,
    b: DenseMatrix<A>,
    y: DenseMatrix<A>,
  ): Promise<void> {
    return this.#run('multiplyTransposed', { a, b }, y);
  }

  subtractProduct<A extends FloatArray>(
    c: DenseMatrix<A>,
    a: DenseMatrix<A>,
    b: DenseMatrix<A>,
    y: DenseMatrix<A>,
  ): Promise<void> {
    return this.#run('subtractProduct', { a, b, c }, y);
  }

  async dispose(): Promise<void> {
    const sessions = await Promise.all(this.#sessions.values());
    this.#sessions.clear();
    await Promise.all(sessions.map((session) => session.release()));
  }

  async #run<A extends FloatArray>(
    operation: Operation,
    operands: Record<string, DenseMatrix<A>>,
    y: DenseMatrix<A>,
  ): Promise<void> {
    const precision = y.data instanceof Float32Array ? 'float32' : 'float64';
    const key = `${operation} ${precision}`;
    let session = this.#sessions.get(key);
    if (!session) {
      session = createSession(model(operation, precision));
      this.#sessions.set(key, session);
    }
    const feeds = Object.fromEntries(
      Object.entries(operands).map(([name, matrix]) => [name, tensor(matrix)]),
    );
    await (await session).run(feeds, { y: tensor(y) });
  }
}

function tensor({ data, rows, columns }: DenseMatrix<FloatArray>): Tensor {
  return data instanceof Float32Array
    ? new Tensor('float32', data, [rows, columns])
    : new Tensor('float64', data, [rows, columns]);
}
