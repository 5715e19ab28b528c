import { elements, type TensorSource } from '../tensor/tensor.js';

/**
 * The rules that divide n entries between w ranks, each given by the start of a rank's entries. `even`: as evenly as
 * possible, ⌊r·n/w⌋. `chunk`: ⌈n/w⌉ for each rank, and fewer or none for the last ones, as in `torch.chunk`, DTensor
 * and FSDP2.
 */
const SHARDINGS = {
  even: (rank: number, worldSize: number, size: number) => Math.floor((rank * size) / worldSize),
  chunk: (rank: number, worldSize: number, size: number) =>
    Math.min(size, rank * Math.ceil(size / worldSize)),
} as const;

export type Sharding = keyof typeof SHARDINGS;

export const SHARDING_NAMES = Object.keys(SHARDINGS) as [Sharding, ...Sharding[]];

/** The part of each tensor that a worker of sharded training needs. */
export interface Slice {
  /** The rank, from 0 to worldSize - 1. */
  readonly rank: number;
  readonly worldSize: number;
  readonly dim: number;
  readonly sharding: Sharding;
}

/** Number of entries that are read together if the entries of a slice are scattered over them. */
const PIECE = 2 ** 18;

/**
 * Returns a rank's entries along `dim`, by the slice's rule, or the whole tensor if it does not have that dimension. A
 * part of a periodic tensor is periodic too: the block of the slice is the tensor's block, rotated so that it begins
 * where the slice begins, and cut if the slice is shorter. It is read when it is needed.
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

/**
 * Positions of a slice's entries in each row of the tensor's block. A row holds the entries of one index of the axes
 * before `dim`.
 */
interface Places {
  readonly row: number;
  /** Start of the slice within a row. */
  readonly offset: number;
  /** Number of entries that the slice takes from a row. After the end of the row it continues at the beginning. */
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

/**
 * Collects entries from several positions. Short rows are read together; of long rows, only the needed entries are
 * read.
 */
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
