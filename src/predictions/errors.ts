/** A name that nothing has: of a GHN, an architecture or a prediction. The message says what there is. */
export class NotFoundError extends Error {}

/** A prediction is not in a state in which it has what was asked for. */
export class NotReadyError extends Error {}
