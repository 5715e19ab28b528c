import { BadCursorError } from './store.js';

/** A place in the list of predictions, newest first: behind this one. */
export interface Position {
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly id: string;
}

const TEXT = /^(\d{1,16})\.([0-9a-f]{16,64})$/;

export function encodeCursor({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt}.${id}`).toString('base64url');
}

/** Throws a BadCursorError for what `encodeCursor` has not made. */
export function decodeCursor(cursor: string): Position {
  const match = TEXT.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  const position = match && { createdAt: Number(match[1]), id: match[2] };
  if (!position || encodeCursor(position) !== cursor) {
    throw new BadCursorError('not a cursor; take next_cursor of the page before');
  }
  return position;
}

/** Negative where `a` comes before `b`: the newer first, of the same time the larger id. */
export function comparePositions(a: Position, b: Position): number {
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt;
  if (a.id === b.id) return 0;
  return a.id > b.id ? -1 : 1;
}
