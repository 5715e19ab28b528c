/** Something wrong with an architecture. */
export interface Fault {
  /** A JSON pointer (RFC 6901) into the architecture as the client wrote it. Long keys are cut and end in `…`. */
  readonly path: string;
  /** The fault, and the expected value. */
  readonly message: string;
}

/**
 * A longer list would not help to correct a network, and a body with millions of faults must not cause an answer of the
 * same size.
 */
export const MAX_FAULTS = 100;

/** Maximum size of all faults as JSON. A fault can quote keys and names, which a client can make very long. */
export const MAX_FAULT_BYTES = 100_000;

/** Twice the length of a message that lists all layer types. */
const MAX_MESSAGE_LENGTH = 2000;

/** No real architecture has longer keys. Shortened keys can still be recognised. */
const MAX_KEY_LENGTH = 200;

/**
 * The service refuses an architecture. Holds every fault found, up to MAX_FAULTS and MAX_FAULT_BYTES; a last entry says
 * if there are more.
 */
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

/** Collects the faults that the checks find. */
export class FaultList {
  readonly #faults: Fault[] = [];
  #bytes = 0;

  /** @throws ArchitectureError once there are too many to list, so that checks need not count them. */
  add(path: readonly PropertyKey[], message: string): void {
    const fault = { path: pointer(path), message: shortened(message, MAX_MESSAGE_LENGTH) };
    this.#bytes += Buffer.byteLength(JSON.stringify(fault));
    if (this.#faults.length === MAX_FAULTS || this.#bytes > MAX_FAULT_BYTES) {
      const listed = this.#faults.length;
      const rest = {
        path: '',
        message: `there are more than these ${listed} faults; the others are not listed`,
      };
      throw new ArchitectureError([...this.#faults, rest]);
    }
    this.#faults.push(fault);
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

/** The JSON pointer (RFC 6901) of a path of keys and indices; '' stands for the whole document. */
function pointer(path: readonly PropertyKey[]): string {
  return path
    .map((key) => shortened(String(key), MAX_KEY_LENGTH).replaceAll('~', '~0').replaceAll('/', '~1'))
    .map((key) => `/${key}`)
    .join('');
}

const QUOTED_LENGTH = 80;

/** A value as messages show it, always short. */
export function quote(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(shortened(value, QUOTED_LENGTH));
}

function shortened(text: string, length: number): string {
  // Does not end in half a surrogate pair.
  return text.length > length ? `${text.slice(0, length).replace(/[\ud800-\udbff]$/, '')}…` : text;
}
