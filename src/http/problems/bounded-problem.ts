import { MAX_FAULT_BYTES, MAX_FAULTS } from '../../architecture/faults.js';
import type { Problem } from './problem.js';

type Fault = NonNullable<Problem['errors']>[number];

/** Includes the error that says that there are more. */
const MAX_ERRORS = MAX_FAULTS + 1;

/**
 * Limit for all errors together, as JSON: the faults of an architecture, plus the part of their paths that the request
 * adds.
 */
const MAX_ERRORS_BYTES = MAX_FAULT_BYTES + 20_000;

/** Limit of a problem's text. Clients determine the length of quoted parts. */
const MAX_LENGTH = 4000;

/** Shortens the texts of a problem so that none is too long to serialise or to send, wherever they come from. */
export function bounded<Texts extends Pick<Problem, 'detail' | 'errors'>>(problem: Texts): Texts {
  const { detail, errors } = problem;
  return {
    ...problem,
    ...(detail !== undefined && { detail: shortened(detail) }),
    ...(errors && { errors: boundedErrors(errors) }),
  };
}

function boundedErrors(errors: readonly Fault[]): Fault[] {
  const listed: Fault[] = [];
  let bytes = 0;
  for (const { path, message } of errors) {
    const error = { path: shortened(path), message: shortened(message) };
    bytes += Buffer.byteLength(JSON.stringify(error));
    if (listed.length === MAX_ERRORS || bytes > MAX_ERRORS_BYTES) break;
    listed.push(error);
  }
  const others = errors.length - listed.length;
  return others === 0 ? listed : [...listed, { path: '', message: `${others} more are not listed` }];
}

/** Shortens a text without splitting a surrogate pair. */
const shortened = (text: string) =>
  text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH).replace(/[\ud800-\udbff]$/, '')}…`;
