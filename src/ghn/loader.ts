import type { Engine, Linear, Matrix } from '../engine/engine.js';
import type { HostLinear } from './gated-encoder.js';
import type { Embedding } from './node-input.js';
import type { Norm } from './transformer-encoder.js';
import type { Weight } from './weight.js';

/** Takes weights out of a checkpoint, each once, and uploads them to an engine. */
export class Loader<M extends Matrix> {
  readonly engine: Engine<M>;
  readonly #weights: Map<string, Weight>;

  constructor(engine: Engine<M>, weights: Map<string, Weight>) {
    this.engine = engine;
    this.#weights = weights;
  }

  take(name: string): Weight {
    const weight = this.#weights.get(name);
    if (!weight) throw new Error(`the checkpoint has no tensor ${name}, which its layout promises`);
    this.#weights.delete(name);
    return weight;
  }

  embedding(name: string): Embedding {
    const { data, shape } = this.take(`${name}.weight`);
    return { data, rows: shape[0], columns: shape[1] };
  }

  /** A vector as a matrix with one row. */
  vector(name: string): M {
    const { data } = this.take(name);
    return this.engine.upload(data, 1, data.length);
  }

  /** A vector as a matrix with one column, so that its rows can be sliced. */
  column(name: string): M {
    const { data } = this.take(name);
    return this.engine.upload(data, data.length, 1);
  }

  norm(name: string): Norm<M> {
    return { gain: this.vector(`${name}.weight`), bias: this.vector(`${name}.bias`) };
  }

  matrix(name: string): M {
    const { data, shape } = this.take(name);
    return this.engine.upload(data, shape[0], shape[1]);
  }

  linear(name: string): Linear<M> {
    return { weight: this.matrix(`${name}.weight`), bias: this.vector(`${name}.bias`) };
  }

  /** A Linear for slicing by rows. Its bias is a column. */
  linearByRows(name: string): Linear<M> {
    return { weight: this.matrix(`${name}.weight`), bias: this.column(`${name}.bias`) };
  }

  hostLinear(weight: string, bias: string): HostLinear {
    return { weight: this.take(weight).data, bias: this.take(bias).data };
  }
}
