import type { Limits } from '../architecture/limits.js';
import type { PredictorDescription } from '../predictor/protocol.js';
import { findGhn, type Plan, plan } from './plan.js';
import type { PredictRequest } from './request.js';
import { resolveArchitecture } from './resolve.js';

/** A large request that another process has read and planned, so that this process was not blocked. */
export class PlannedRequest {
  readonly plan: Plan;

  constructor(plan: Plan) {
    this.plan = plan;
  }
}

/**
 * Plans a request with the loaded GHNs.
 *
 * @throws NotFoundError, InvalidRequestError
 */
export function planRequest(
  request: PredictRequest,
  limits: Limits,
  description: PredictorDescription,
): Plan {
  const start = performance.now();
  const { architecture, milliseconds } = resolveArchitecture(request, limits);
  const parse = milliseconds + performance.now() - start;
  return plan(request, architecture, parse, findGhn(description.ghns, request.ghn), description);
}
