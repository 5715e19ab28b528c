/** Something wrong with an architecture. */
export interface Fault {
  /** A JSON pointer (RFC 6901) into the architecture as it was given. */
  readonly path: string;
  /** What is wrong, and what was expected in its place. */
  readonly message: string;
}

/** More would help nobody mend a network, and a body of millions of faults must not become an answer as large. */
export const MAX_FAULTS = 100;

/** An architecture that is refused, with every fault found (up to MAX_FAULTS; the last then says that there are more). */
export class ArchitectureError extends Error {
  override readonly name = 'ArchitectureError';
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const [first] = faults;
    const place = first?.path ? ` (at ${first.path})` : '';
    const others = faults.length > 1 ? `, and ${faults.length - 1} more` : '';
    super(`The architecture is refused: ${first?.message}${place}${others}`);
    this.faults = faults;
  }
}

/** Where the checks put what they find. */
export class FaultList {
  readonly #faults: Fault[] = [];

  /** @throws ArchitectureError once there are more than MAX_FAULTS: whoever looks for faults need not count them. */
  add(path: readonly PropertyKey[], message: string): void {
    if (this.#faults.length === MAX_FAULTS) {
      const rest = {
        path: '',
        message: `there are more than these ${MAX_FAULTS} faults; the others are not listed`,
      };
      throw new ArchitectureError([...this.#faults, rest]);
    }
    this.#faults.push({ path: pointer(path), message });
  }

  /** @throws ArchitectureError if there is a fault. */
  throwIfAny(): void {
    if (this.#faults.length > 0) throw this.error();
  }

  /** The faults so far. */
  error(): ArchitectureError {
    return new ArchitectureError(this.#faults);
  }
}

/** The JSON pointer (RFC 6901) of a path of keys and indices; '' is the whole. */
function pointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

const QUOTED_LENGTH = 80;

/** A value as a message shows it, short whatever it is. */
export function quote(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > QUOTED_LENGTH ? `${value.slice(0, QUOTED_LENGTH)}…` : value);
}
