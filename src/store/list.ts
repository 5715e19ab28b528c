import type { PredictionRecord, Status } from '../record/record.js';

export interface ListOptions {
  readonly limit: number;
  /** The `nextCursor` of the previous page. */
  readonly cursor?: string;
  /** Filters: only records with this architecture's name, GHN's id or status. */
  readonly architecture?: string;
  readonly ghn?: string;
  readonly status?: Status;
}

export interface RecordPage {
  /** Newest first. */
  readonly records: readonly PredictionRecord[];
  readonly nextCursor: string | null;
}

/** The `cursor` was not given by any page. */
export class BadCursorError extends Error {
  override readonly name = 'BadCursorError';
}

/** A position in the list of predictions, newest first: that of the prediction with this id and time. */
export interface Position {
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly id: string;
}

const TEXT = /^(\d{1,16})\.([0-9a-f]{16,64})$/;

export const positionOf = ({ created_at, id }: Pick<PredictionRecord, 'created_at' | 'id'>): Position => ({
  createdAt: Date.parse(created_at),
  id,
});

export function encodeCursor({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt}.${id}`).toString('base64url');
}

/** Throws a BadCursorError if `encodeCursor` did not make the cursor. */
export function decodeCursor(cursor: string): Position {
  const match = TEXT.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  const position = match && { createdAt: Number(match[1]), id: match[2] };
  if (!position || encodeCursor(position) !== cursor) {
    throw new BadCursorError('not a cursor; use the next_cursor of the previous page');
  }
  return position;
}

/** Negative if `a` comes before `b`: newer predictions come first, and at the same time the larger id. */
export function comparePositions(a: Position, b: Position): number {
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt;
  if (a.id === b.id) return 0;
  return a.id > b.id ? -1 : 1;
}
