import type * as z from 'zod';
import { DeclaredConfig, type GhnOptions } from './config.js';

/** A hundred times the largest size in the published GHNs. A file can claim more in a few bytes. */
const MAX_SIZE = 1_000_000;

/**
 * Maximum number of layers, and maximum size of a kernel, since loops count up to them. The published GHNs have at most
 * 24 and 16.
 */
export const MAX_COUNTED = 1000;

export type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * The facts about a GHN in its checkpoint: its tensors' shapes, its config, and its settings. Collects the
 * contradictions as faults.
 */
export class Facts {
  readonly shapes: Shapes;
  readonly declared: DeclaredConfig;
  readonly options: GhnOptions;
  readonly faults: string[] = [];
  readonly #config: unknown;

  /** @param config as the file has it, unchecked; undefined if there is none */
  constructor(shapes: Shapes, config: unknown, options: GhnOptions = {}) {
    this.shapes = shapes;
    this.options = options;
    this.#config = config ?? {};
    this.declared = this.declares(DeclaredConfig) ?? {};
  }

  /** The config, read with a family's schema. If it does not fit, adds a fault and returns undefined. */
  declares<Schema extends z.ZodType>(schema: Schema): z.output<Schema> | undefined {
    const parsed = schema.safeParse(this.#config);
    if (parsed.success) return parsed.data;
    for (const { path, message } of parsed.error.issues) {
      const fault = `config.${path.join('.')}: ${message}`;
      if (!this.faults.includes(fault)) this.faults.push(fault);
    }
    return undefined;
  }

  fault(message: string): void {
    this.faults.push(message);
  }

  extent(name: string, dimension: number): number | undefined {
    return this.shapes.get(name)?.[dimension];
  }

  /**
   * A size that both the tensors and the config can give. The tensors decide, and a different size in the config is a
   * fault. NaN if neither gives it.
   */
  size(
    key: string,
    declared: number | undefined,
    inferred: number | undefined,
    from: string,
    max = MAX_SIZE,
  ): number {
    if (inferred !== undefined && declared !== undefined && inferred !== declared) {
      this.fault(`the config says ${key} = ${declared}, ${from} says ${inferred}`);
    }
    const found = inferred ?? declared ?? Number.NaN;
    if (found >= 1 && found <= max) return found;
    if (!Number.isNaN(found)) this.fault(`${key} = ${found}, 1 to ${max} expected`);
    return Number.NaN;
  }

  /** The square root of the number of a tensor's rows divided by `divisor`. */
  root(name: string, divisor: number): number | undefined {
    const rows = this.extent(name, 0);
    if (rows === undefined || Number.isNaN(divisor)) return undefined;
    const side = Math.sqrt(rows / divisor);
    if (Number.isInteger(side)) return side;
    this.fault(
      `${name} has ${rows} rows, ${divisor === 1 ? 'a square' : `${divisor} times a square`} expected`,
    );
    return undefined;
  }
}
