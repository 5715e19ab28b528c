/** The shapes of tensors by canonical name. */
export type Layout = Map<string, readonly number[]>;

/** Collects the tensors of a GHN. */
export class LayoutBuilder {
  readonly layout: Layout = new Map();

  tensor(name: string, ...shape: number[]): void {
    this.layout.set(name, shape);
  }

  linear(name: string, outputs: number, inputs: number): void {
    this.tensor(`${name}.weight`, outputs, inputs);
    this.tensor(`${name}.bias`, outputs);
  }

  norm(name: string, size: number): void {
    this.tensor(`${name}.weight`, size);
    this.tensor(`${name}.bias`, size);
  }
}
