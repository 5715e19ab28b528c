import { isTokenSequence, tokenGridSide } from '../../shape-tables.js';

/** The sizes of a LoGAH's decoder (docs/logah.md, section 1). */
export interface LowRankShape {
  /** r, the maximum rank of every decoded matrix. */
  readonly rank: number;
  /** Q, the number of rows of each factor. */
  readonly factorRows: number;
  /** M, the number of outputs or inputs after which they repeat. */
  readonly channels: number;
}

/** The way in which a tensor is computed from its node's factors A and B, both [Q, r] (docs/logah.md, section 4). */
export type Cut =
  /** v = A·B[0]: a gain, or a bias that begins at A's row `start`. */
  | { readonly kind: 'vector'; readonly start: number; readonly length: number }
  /** W[o, i, y, z] = A[o·kh + y]·B[i·kw + z] */
  | {
      readonly kind: 'kernel';
      readonly outputs: number;
      readonly inputs: number;
      readonly height: number;
      readonly width: number;
    }
  /** W[e, y, z] = A[y]·B[e·side + z], tokens (y, z) of width `width`. */
  | { readonly kind: 'tokens'; readonly side: number; readonly width: number };

/** The row of A at which a bias with n entries begins. The rows before it are for the node's gain. */
export function vectorRoom(n: number, channels: number): number {
  let room = Math.min(n, channels);
  if (room % 3 === 0) room = (room / 3) * 4;
  return room >= channels / 2 ? channels : room;
}

export function cutOf(shape: readonly number[], role: 'weight' | 'bias', { channels }: LowRankShape): Cut {
  const isVector = shape.length === 1 || (shape.length === 3 && shape[1] === 1 && shape[2] === 1);
  if (isVector) {
    const room = vectorRoom(shape[0], channels);
    return { kind: 'vector', start: role === 'bias' ? room : 0, length: Math.min(shape[0], room) };
  }
  if (isTokenSequence(shape)) return { kind: 'tokens', side: tokenGridSide(shape), width: shape[2] };
  const [outputs, inputs, height = 1, width = 1] = shape;
  return {
    kind: 'kernel',
    outputs: Math.min(outputs, channels),
    inputs: Math.min(inputs, channels),
    height,
    width,
  };
}

/** The number of first rows of A and of B that a cut needs. */
export function rowsNeeded(cut: Cut): { readonly a: number; readonly b: number } {
  switch (cut.kind) {
    case 'vector':
      return { a: cut.start + cut.length, b: 1 };
    case 'kernel':
      return { a: cut.outputs * cut.height, b: cut.inputs * cut.width };
    case 'tokens':
      return { a: cut.side, b: cut.width * cut.side };
  }
}

/** Returns true if a LoGAH of these sizes has factors long enough for a tensor. */
export function fits(shape: readonly number[], role: 'weight' | 'bias', sizes: LowRankShape): boolean {
  const { a, b } = rowsNeeded(cutOf(shape, role, sizes));
  return a <= sizes.factorRows && b <= sizes.factorRows;
}
