/** The functions of assembly/index.ts, which describes them. Addresses are in bytes. */
export interface Loops {
  threefry(
    k0: number,
    k1: number,
    k2: number,
    k3: number,
    low: number,
    middle: number,
    counters: number,
    out: number,
  ): void;
  ziggurat(words: number, count: number, inside: number, scale: number, out: number, missed: number): number;
  addScaled(row: number, normals: number, factor: number, length: number): void;
  takeMean(row: number, sum: number, contrast: number, times: number, length: number): number;
  scaleToFloat32(contrast: number, factor: number, out: number, length: number): void;
  readonly smallest: { readonly value: number };
  inverseCholesky(
    gram: number,
    factor: number,
    inverse: number,
    column: number,
    size: number,
    independent: number,
  ): number;
}

/** Alignment of the arrays in bytes, which is that of a vector. */
const ALIGNMENT = 16;

const PAGE_BYTES = 2 ** 16;

/** Places arrays one after the other in a memory that is created when all of them are known. */
export class MemoryPlan {
  bytes = 0;

  float32 = (length: number) => {
    const start = this.#place(length * Float32Array.BYTES_PER_ELEMENT);
    return (memory: ArrayBuffer) => new Float32Array(memory, start, length);
  };

  float64 = (length: number) => {
    const start = this.#place(length * Float64Array.BYTES_PER_ELEMENT);
    return (memory: ArrayBuffer) => new Float64Array(memory, start, length);
  };

  int32 = (length: number) => {
    const start = this.#place(length * Int32Array.BYTES_PER_ELEMENT);
    return (memory: ArrayBuffer) => new Int32Array(memory, start, length);
  };

  #place(bytes: number): number {
    const start = this.bytes;
    this.bytes += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return start;
  }
}

/** The parts of WebAssembly's interface that are used here. Node's types do not declare them. */
interface WebAssemblyApi {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

let compiled: object | null = null;

/**
 * Creates an instance of the compiled loops, with a separate memory.
 *
 * @param binary the module in base64
 * @param bytes least size of the memory
 */
export function instantiate(binary: string, bytes: number): { memory: ArrayBuffer; loops: Loops } {
  compiled ??= new Module(Buffer.from(binary, 'base64'));
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const memory = new Memory({ initial: pages, maximum: pages });
  const { exports } = new Instance(compiled, { env: { memory } });
  return { memory: memory.buffer, loops: exports as Loops };
}
