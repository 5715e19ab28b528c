import type { NumberType } from './dtype.js';
import { CheckpointError } from './error.js';
import { rebuildTensor, Storage, TorchTensor } from './torch-tensor.js';

/** A global that a pickle may name as "module.name". */
export class Global {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A function or class that a pickle may call. A call must not take more time or memory than its arguments do. */
export class Callable extends Global {
  readonly call: (args: readonly unknown[]) => unknown;

  constructor(name: string, call: (args: readonly unknown[]) => unknown) {
    super(name);
    this.call = call;
  }
}

/** A class whose objects a pickle may create. The objects stand for the values that they contain. */
export class Constructible extends Callable {}

/** The class of a storage, which gives its number type. */
export class StorageType extends Global {
  readonly type: NumberType;

  constructor(name: string, type: NumberType) {
    super(name);
    this.type = type;
  }
}

/** An object whose state a pickle may set. */
export abstract class BuildTarget {
  abstract setState(state: unknown): void;
}

/** A numpy.dtype of numbers. */
export class NumpyType extends BuildTarget {
  readonly code: string;

  constructor(code: unknown) {
    super();
    if (typeof code !== 'string' || !NUMPY_SCALARS.has(code)) {
      throw new CheckpointError('a numpy type that is not a number');
    }
    this.code = code;
  }

  setState(state: unknown): void {
    const order = Array.isArray(state) ? state[1] : undefined;
    if (order !== '<' && order !== '|') throw new CheckpointError('a numpy type that is not little-endian');
  }
}

const NUMPY_SCALARS = new Map<string, { bytes: number; read: (view: DataView) => unknown }>([
  ['b1', { bytes: 1, read: (view) => view.getUint8(0) !== 0 }],
  ['i1', { bytes: 1, read: (view) => view.getInt8(0) }],
  ['u1', { bytes: 1, read: (view) => view.getUint8(0) }],
  ['i2', { bytes: 2, read: (view) => view.getInt16(0, true) }],
  ['u2', { bytes: 2, read: (view) => view.getUint16(0, true) }],
  ['i4', { bytes: 4, read: (view) => view.getInt32(0, true) }],
  ['u4', { bytes: 4, read: (view) => view.getUint32(0, true) }],
  ['i8', { bytes: 8, read: (view) => Number(view.getBigInt64(0, true)) }],
  ['u8', { bytes: 8, read: (view) => Number(view.getBigUint64(0, true)) }],
  ['f4', { bytes: 4, read: (view) => view.getFloat32(0, true) }],
  ['f8', { bytes: 8, read: (view) => view.getFloat64(0, true) }],
]);

function numpyScalar([type, bytes]: readonly unknown[]): unknown {
  if (!(type instanceof NumpyType) || !(bytes instanceof Uint8Array)) {
    throw new CheckpointError('a numpy scalar that is not a number');
  }
  const scalar = NUMPY_SCALARS.get(type.code)!;
  if (bytes.length !== scalar.bytes) throw new CheckpointError('a numpy scalar of a wrong size');
  return scalar.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
}

/**
 * Protocol 2 has no bytes, so it encodes them as text. In a checkpoint, only numpy's scalars are written like that,
 * with up to 16 bytes.
 */
const MAX_ENCODED_LENGTH = 16;

function encode([text, encoding]: readonly unknown[]): Uint8Array {
  if (typeof text !== 'string' || text.length > MAX_ENCODED_LENGTH || encoding !== 'latin1') {
    throw new CheckpointError('bytes encoded as text that are not a number; save it with protocol 4');
  }
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

function orderedDict(args: readonly unknown[]): Map<unknown, unknown> {
  if (args.length)
    throw new CheckpointError('an OrderedDict made from other things; save it with protocol 2 or newer');
  return new Map();
}

function rebuildParameter([tensor]: readonly unknown[]): TorchTensor {
  if (!(tensor instanceof TorchTensor)) throw new CheckpointError('a parameter that is not a tensor');
  return tensor;
}

/** If the bytes object is a storage, the pickle's reader has already turned it into one. */
function loadFromBytes([storage]: readonly unknown[]): Storage {
  if (!(storage instanceof Storage)) throw new CheckpointError('a bytes object that is not a saved storage');
  return storage;
}

function torchSize([size]: readonly unknown[]): unknown {
  if (!Array.isArray(size)) throw new CheckpointError('a torch.Size without sizes');
  return size;
}

const STORAGE_TYPES: readonly (readonly [string, NumberType])[] = [
  ['DoubleStorage', { name: 'float64', bytes: 8, float: 'F64' }],
  ['FloatStorage', { name: 'float32', bytes: 4, float: 'F32' }],
  ['HalfStorage', { name: 'float16', bytes: 2, float: 'F16' }],
  ['BFloat16Storage', { name: 'bfloat16', bytes: 2, float: 'BF16' }],
  ['LongStorage', { name: 'int64', bytes: 8, float: null }],
  ['IntStorage', { name: 'int32', bytes: 4, float: null }],
  ['ShortStorage', { name: 'int16', bytes: 2, float: null }],
  ['CharStorage', { name: 'int8', bytes: 1, float: null }],
  ['ByteStorage', { name: 'uint8', bytes: 1, float: null }],
  ['BoolStorage', { name: 'bool', bytes: 1, float: null }],
];

const UNTYPED: NumberType = { name: 'untyped bytes', bytes: 1, float: null };

/** Constructors that state dicts need. */
export const WEIGHT_GLOBALS: readonly Global[] = [
  new Callable('collections.OrderedDict', orderedDict),
  new Callable('torch._utils._rebuild_tensor_v2', rebuildTensor),
  new Callable('torch._utils._rebuild_parameter', rebuildParameter),
  new Callable('torch.storage._load_from_bytes', loadFromBytes),
  new Callable('torch.Size', torchSize),
  new Callable('_codecs.encode', encode),
  new Callable('numpy.dtype', ([code]) => new NumpyType(code)),
  new Callable('numpy.core.multiarray.scalar', numpyScalar),
  new Callable('numpy._core.multiarray.scalar', numpyScalar),
  new StorageType('torch.storage.UntypedStorage', UNTYPED),
  new StorageType('torch.storage._UntypedStorage', UNTYPED),
  ...STORAGE_TYPES.flatMap(([name, type]) => [
    new StorageType(`torch.${name}`, type),
    new StorageType(`torch.cuda.${name}`, type),
  ]),
];
