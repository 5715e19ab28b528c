import type { DenseMatrix, FloatArray, Products } from '../../postprocess/products.js';
import { env, type InferenceSession, Tensor } from './library.js';
import type { ElementType, OnnxModel, OnnxNode } from './model.js';
import { createSession } from './session.js';

type Precision = Extract<ElementType, 'float32' | 'float64'>;

interface OperationModel {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
}

type Operation = 'multiply' | 'multiplyTransposed' | 'project' | 'transpose';

const OPERATIONS: Readonly<Record<Operation, OperationModel>> = {
  multiply: {
    inputs: ['a', 'b'],
    outputs: ['y'],
    nodes: [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] }],
  },
  multiplyTransposed: {
    inputs: ['a', 'b'],
    outputs: ['y'],
    nodes: [{ op: 'Gemm', inputs: ['a', 'b'], outputs: ['y'], attributes: { transB: 1 } }],
  },
  transpose: {
    inputs: ['a'],
    outputs: ['y'],
    nodes: [{ op: 'Transpose', inputs: ['a'], outputs: ['y'], attributes: { perm: [1, 0] } }],
  },
  // One run for three products, because threads fall asleep between runs.
  project: {
    inputs: ['x', 'basis'],
    outputs: ['residual', 'gram'],
    nodes: [
      { op: 'Gemm', inputs: ['x', 'basis'], outputs: ['along'], attributes: { transB: 1 } },
      {
        op: 'Gemm',
        inputs: ['along', 'basis', 'x'],
        outputs: ['residual'],
        attributes: { alpha: { float: -1 } },
      },
      { op: 'Gemm', inputs: ['residual', 'residual'], outputs: ['gram'], attributes: { transB: 1 } },
    ],
  },
};

function model(operation: Operation, precision: Precision): OnnxModel {
  const { inputs, outputs, nodes } = OPERATIONS[operation];
  const typed = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, precision]));
  return { inputs: typed(inputs), outputs: typed(outputs), nodes };
}

/**
 * Computes products with onnxruntime's native code, which reads the operands in place and writes the result into the
 * given array. Like every run of onnxruntime, they must not be called from two threads of a process at once.
 */
export class OnnxruntimeProducts implements Products {
  readonly library = `onnxruntime ${env.versions.node ?? env.versions.common}`;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  readonly #createSession: (model: OnnxModel) => Promise<InferenceSession>;

  constructor(create: (model: OnnxModel) => Promise<InferenceSession> = (each) => createSession(each)) {
    this.#createSession = create;
  }

  multiply<A extends FloatArray>(a: DenseMatrix<A>, b: DenseMatrix<A>, y: DenseMatrix<A>): Promise<void> {
    return this.#run('multiply', { a, b }, { y });
  }

  multiplyTransposed<A extends FloatArray>(
    a: DenseMatrix<A>,
    b: DenseMatrix<A>,
    y: DenseMatrix<A>,
  ): Promise<void> {
    return this.#run('multiplyTransposed', { a, b }, { y });
  }

  project<A extends FloatArray>(
    x: DenseMatrix<A>,
    basis: DenseMatrix<A>,
    residual: DenseMatrix<A>,
    gram: DenseMatrix<A>,
  ): Promise<void> {
    return this.#run('project', { x, basis }, { residual, gram });
  }

  transpose(a: DenseMatrix<Float32Array>, y: DenseMatrix<Float32Array>): Promise<void> {
    return this.#run('transpose', { a }, { y });
  }

  async dispose(): Promise<void> {
    const sessions = await Promise.all(this.#sessions.values());
    this.#sessions.clear();
    await Promise.all(sessions.map((session) => session.release()));
  }

  async #run<A extends FloatArray>(
    operation: Operation,
    operands: Record<string, DenseMatrix<A>>,
    results: Record<string, DenseMatrix<A>>,
  ): Promise<void> {
    const precision = Object.values(results)[0].data instanceof Float32Array ? 'float32' : 'float64';
    const key = `${operation} ${precision}`;
    let session = this.#sessions.get(key);
    if (!session) {
      session = this.#createSession(model(operation, precision));
      this.#sessions.set(key, session);
    }
    await (await session).run(tensors(operands), tensors(results));
  }
}

function tensors(matrices: Record<string, DenseMatrix<FloatArray>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(matrices).map(([name, matrix]) => [name, tensor(matrix)]));
}

function tensor({ data, rows, columns }: DenseMatrix<FloatArray>): Tensor {
  return data instanceof Float32Array
    ? new Tensor('float32', data, [rows, columns])
    : new Tensor('float64', data, [rows, columns]);
}
