import type { Architecture } from '../architecture/architecture.js';
import { ArchitectureError } from '../architecture/faults.js';
import type { Limits } from '../architecture/limits.js';
import { namedArchitecture } from '../architecture/named.js';
import { InvalidRequestError } from './errors.js';
import type { PredictRequest } from './request.js';

/** Limits do not apply to an architecture that was accepted before. */
export const UNLIMITED: Limits = {
  maxNodes: Number.POSITIVE_INFINITY,
  maxParameters: Number.POSITIVE_INFINITY,
};

export interface ResolvedArchitecture {
  readonly architecture: Architecture;
  /** Milliseconds that reading and checking took. */
  readonly milliseconds: number;
}

/**
 * The architecture of a request, whether given by name or in full.
 *
 * @throws UnknownArchitectureError; InvalidRequestError if a named one is larger than the service accepts
 */
export function resolveArchitecture(
  { architecture, num_classes: numClasses }: PredictRequest,
  limits: Limits,
): ResolvedArchitecture {
  if (!('name' in architecture)) return architecture;
  const start = performance.now();
  try {
    const named = namedArchitecture(architecture.name, numClasses, limits);
    return { architecture: named, milliseconds: performance.now() - start };
  } catch (error) {
    if (!(error instanceof ArchitectureError)) throw error;
    const path = numClasses === undefined ? '/architecture' : '/num_classes';
    throw new InvalidRequestError(error.faults.map(({ message }) => ({ path, message })));
  }
}
