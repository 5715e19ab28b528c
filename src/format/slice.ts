import { elements, type TensorSource } from '../tensor/tensor.js';

/**
 * The rules by which n entries are divided between w ranks, each by where a rank's entries begin. `even`: as evenly as
 * can be, ⌊r·n/w⌋. `chunk`: ⌈n/w⌉ a rank, the last ones fewer or none, as `torch.chunk`, DTensor and FSDP2 have it.
 */
const SHARDINGS = {
  even: (rank: number, worldSize: number, size: number) => Math.floor((rank * size) / worldSize),
  chunk: (rank: number, worldSize: number, size: number) =>
    Math.min(size, rank * Math.ceil(size / worldSize)),
} as const;

export type Sharding = keyof typeof SHARDINGS;

export const SHARDING_NAMES = Object.keys(SHARDINGS) as [Sharding, ...Sharding[]];

/** Which part of each tensor a worker of sharded training wants. */
export interface Slice {
  /** 0 to worldSize - 1. */
  readonly rank: number;
  readonly worldSize: number;
  readonly dim: number;
  readonly sharding: Sharding;
}

/** Entries that are read together where a slice is scattered over them. */
const PIECE = 2 ** 18;

/**
 * A rank's entries along `dim`, by the slice's rule; the whole tensor where it does not have that dimension. What is periodic stays so when it is cut: the slice's block is the tensor's, rotated to begin
 * where the slice does, and cut where the slice is shorter. It is read as it is asked for.
 */
export function sliceTensor(tensor: TensorSource, slice: Slice): TensorSource {
  const { rank, worldSize, dim } = slice;
  const { name } = tensor;
  if (dim >= tensor.shape.length) return tensor;
  const size = tensor.shape[dim];
  const startOf = SHARDINGS[slice.sharding];
  const start = startOf(rank, worldSize, size);
  const length = startOf(rank + 1, worldSize, size) - start;
  const shape = tensor.shape.with(dim, length);
  if (length === 0) return { name, shape, blockShape: shape, readBlock: () => new Float32Array() };

  const period = tensor.blockShape[dim];
  const blockLength = Math.min(length, period);
  const blockShape = tensor.blockShape.with(dim, blockLength);
  const phase = start % period;
  const inner = elements(tensor.blockShape.slice(dim + 1));
  const places = { row: period * inner, offset: phase * inner, length: blockLength * inner };
  return { name, shape, blockShape, readBlock: (from, to) => readSlice(tensor, places, from, to) };
}

/** Where a slice's entries are in each row of the tensor's block: a row is what one index before `dim` has. */
interface Places {
  readonly row: number;
  /** Where in a row the slice begins. */
  readonly offset: number;
  /** How many of a row's entries it has; behind the row's end it goes on at its beginning. */
  readonly length: number;
}

function readSlice(
  tensor: TensorSource,
  { row, offset, length }: Places,
  from: number,
  to: number,
): Float32Array | Promise<Float32Array> {
  if (length === row && offset === 0) return tensor.readBlock(from, to);
  const first = Math.floor(from / length);
  const last = Math.ceil(to / length);
  const start = first * row + offset + (from - first * length);
  const isOneRow = last - first <= 1;
  if (isOneRow && start + (to - from) <= (first + 1) * row)
    return tensor.readBlock(start, start + (to - from));
  return gather(tensor, { row, offset, length }, from, to);
}

/** Puts entries together from several places: short rows are read together, of long ones no more than is wanted. */
async function gather(
  tensor: TensorSource,
  { row, offset, length }: Places,
  from: number,
  to: number,
): Promise<Float32Array> {
  const values = new Float32Array(to - from);
  const rowsTogether = Math.floor(PIECE / row);
  const lastRow = Math.ceil(to / length);
  let piece: Float32Array = new Float32Array();
  let pieceStart = 0;
  for (let position = from; position < to; ) {
    const index = Math.floor(position / length);
    const within = (offset + (position - index * length)) % row;
    const start = index * row + within;
    const count = Math.min(to - position, (index + 1) * length - position, row - within);
    if (rowsTogether === 0) {
      piece = await tensor.readBlock(start, start + count);
      pieceStart = start;
    } else if (start >= pieceStart + piece.length || start < pieceStart) {
      pieceStart = index * row;
      piece = await tensor.readBlock(pieceStart, Math.min(index + rowsTogether, lastRow) * row);
    }
    const at = start - pieceStart;
    values.set(piece.subarray(at, at + count), position - from);
    position += count;
  }
  return values;
}
