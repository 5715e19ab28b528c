import type { FaultList } from '../faults.js';
import { quote } from '../faults.js';
import { checkNameLength } from '../schema.js';
import type { ModelLayer } from './model.js';
import type { Variable } from './variable.js';

/** The layer that owns each name of a weight, in Keras or in PyTorch. */
export class WeightOwners {
  readonly #owners = new Map<string, string>();

  has(name: string): boolean {
    return this.#owners.has(name);
  }

  /** Adds a fault if a weight has the same name as a weight of another layer, in Keras or in PyTorch. */
  add(variables: readonly Variable[], label: string, { path }: ModelLayer, faults: FaultList): void {
    const names = variables.flatMap((variable) => [variable.path, variable.name]);
    for (const name of names) {
      const owner = this.#owners.get(name);
      if (owner === undefined) continue;
      const message = `a weight of ${label} would be called ${quote(name)}, as one of ${owner} is; give the layer another name`;
      faults.add([...path, 'config', 'name'], message);
      break;
    }
    for (const name of names) {
      checkNameLength(name, label, [...path, 'config', 'name'], faults);
      this.#owners.set(name, label);
    }
  }
}
